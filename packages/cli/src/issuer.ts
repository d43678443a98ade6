import { CliError } from './failure.js';

const REQUEST_MS = 10_000;

/**
 * Reads the identity provider of a controller from its protected-resource metadata (RFC 9728).
 *
 * @throws CliError if the controller names none
 */
export async function discoverIssuer(url: string): Promise<string> {
  const address = `${url}/.well-known/oauth-protected-resource`;
  let metadata: unknown;
  try {
    const response = await fetch(address, {
      redirect: 'error',
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    metadata = await response.json();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError('mesh.unreachable', `${address} cannot be read: ${reason}. Check MESH_URL.`);
  }
  const issuer = firstIssuer(metadata);
  if (issuer !== undefined) return issuer;
  throw new CliError(
    'mesh.issuer_unknown',
    `${url} names no identity provider. Set --issuer, or use a token (mesh login --token-file FILE).`,
  );
}

function firstIssuer(metadata: unknown): string | undefined {
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const servers: unknown = 'authorization_servers' in metadata && metadata.authorization_servers;
  const first: unknown = Array.isArray(servers) ? servers[0] : undefined;
  return typeof first === 'string' ? first : undefined;
}

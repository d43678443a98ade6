import {
  misspelledVariables,
  misspellingWarning,
} from '../../../src/config/misspelled-variables.js';

type Variables = Readonly<Record<string, string | undefined>>;

/** The configuration is invalid. The message lists all problems on one line. */
class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(readonly problems: readonly string[]) {
    super(`Configuration: ${problems.join('; ')}.`);
  }
}

/** How the server gets the token of the agent. */
export type TokenSource =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'file'; readonly file: string }
  | ({ readonly kind: 'client' } & ClientVariables);

/** OIDC client credentials (RFC 6749 section 4.4). */
interface ClientVariables {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret?: string;
  readonly clientSecretFile?: string;
  readonly scope?: string;
  readonly audience?: string;
}

/** Configuration of the stdio MCP server from environment variables. `docs/agent-mesh.md` describes each variable. */
export interface MeshEnvironment {
  readonly url: string;
  readonly token: TokenSource;
  readonly retries: number;
  readonly timeoutSeconds: number;
}

/** Names of all variables of the stdio server. */
export const MESH_VARIABLES = [
  'CONTROLLER_URL',
  'MESH_JWT_TOKEN',
  'MESH_JWT_TOKEN_FILE',
  'MESH_CLIENT_ID',
  'MESH_CLIENT_SECRET',
  'MESH_CLIENT_SECRET_FILE',
  'MESH_ISSUER_URL',
  'MESH_SCOPE',
  'MESH_AUDIENCE',
  'MESH_RETRY_COUNT',
  'MESH_TIMEOUT_SECS',
] as const;

type Variable = (typeof MESH_VARIABLES)[number];

/** Returns a warning for each variable whose name resembles that of a known one. */
export function meshEnvironmentWarnings(variables: Variables = process.env): string[] {
  return misspelledVariables(variables, MESH_VARIABLES).map(misspellingWarning);
}

/**
 * Reads and validates the variables of the stdio server. It does not read the files: they can be written later, and a
 * tool call reports a problem to the client.
 *
 * @throws ConfigurationError
 */
export function loadMeshEnvironment(variables: Variables = process.env): MeshEnvironment {
  const reader = new Reader(variables);
  const environment = {
    url: reader.url('CONTROLLER_URL') ?? 'http://localhost:8088',
    token: reader.tokenSource(),
    retries: reader.wholeNumber('MESH_RETRY_COUNT', 0, 10) ?? 3,
    timeoutSeconds: reader.wholeNumber('MESH_TIMEOUT_SECS', 1, 300) ?? 30,
  };
  if (reader.problems.length > 0) throw new ConfigurationError(reader.problems);
  return environment;
}

/** Reads variables and collects their problems. An empty variable counts as not set. */
class Reader {
  readonly problems: string[] = [];

  constructor(private readonly variables: Variables) {}

  url(name: Variable): string | undefined {
    const value = this.text(name);
    if (value === undefined || isHttpUrl(value)) return value;
    // The error that a model receives if the controller does not respond contains this URL.
    this.problems.push(`${name} must be an http or https URL without a user and a password`);
    return undefined;
  }

  wholeNumber(name: Variable, min: number, max: number): number | undefined {
    const value = this.text(name);
    if (value === undefined) return undefined;
    if (/^\d{1,10}$/.test(value) && Number(value) >= min && Number(value) <= max)
      return Number(value);
    this.problems.push(`${name} must be a whole number from ${min} to ${max}`);
    return undefined;
  }

  tokenSource(): TokenSource {
    const token = this.text('MESH_JWT_TOKEN');
    const file = this.text('MESH_JWT_TOKEN_FILE');
    const clientId = this.text('MESH_CLIENT_ID');
    const given = [token, file, clientId].filter((value) => value !== undefined);
    if (given.length !== 1)
      this.problems.push(
        `set MESH_JWT_TOKEN or MESH_JWT_TOKEN_FILE${given.length > 1 ? ', not both' : ', or client credentials with MESH_CLIENT_ID'}`,
      );
    if (token !== undefined && !isToken(token))
      this.problems.push('MESH_JWT_TOKEN must hold a token: visible characters, no spaces');
    if (clientId !== undefined) return this.client(clientId);
    return file === undefined ? { kind: 'token', token: token ?? '' } : { kind: 'file', file };
  }

  private client(clientId: string): TokenSource {
    const issuer = this.url('MESH_ISSUER_URL') ?? '';
    if (issuer === '') this.problems.push('MESH_CLIENT_ID requires MESH_ISSUER_URL');
    const clientSecret = this.text('MESH_CLIENT_SECRET');
    const clientSecretFile = this.text('MESH_CLIENT_SECRET_FILE');
    if ((clientSecret === undefined) === (clientSecretFile === undefined))
      this.problems.push(
        'MESH_CLIENT_ID requires MESH_CLIENT_SECRET or MESH_CLIENT_SECRET_FILE, not both',
      );
    const scope = this.text('MESH_SCOPE');
    const audience = this.text('MESH_AUDIENCE');
    return {
      kind: 'client',
      issuer,
      clientId,
      ...(clientSecret !== undefined && { clientSecret }),
      ...(clientSecretFile !== undefined && { clientSecretFile }),
      ...(scope !== undefined && { scope }),
      ...(audience !== undefined && { audience }),
    };
  }

  private text(name: Variable): string | undefined {
    const value = this.variables[name];
    return value === '' ? undefined : value;
  }
}

function isHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

export function isToken(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

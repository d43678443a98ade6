import canonicalize from 'canonicalize';
import { MeshError } from './errors.js';

const INSECURE =
  'A digest needs Web Crypto, which browsers restrict to pages of https and of localhost.';

/**
 * Returns the digest of a payload: the SHA-256 of its canonical JSON (RFC 8785), in hexadecimal. An approval is bound to
 * the digest of its payload.
 *
 * @throws MeshError `mesh.payload_invalid` if the payload has no canonical JSON, for example because it contains NaN or a
 * lone surrogate; `mesh.insecure_context` on a page that was loaded over plain HTTP
 */
export async function digestOf(payload: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(canonicalJson(payload));
  if (!hasWebCrypto(crypto)) throw new MeshError('mesh.insecure_context', INSECURE);
  const hash = await crypto.subtle.digest('SHA-256', bytes);
  return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The types do not contain that `subtle` is missing on pages of plain HTTP. */
function hasWebCrypto({ subtle }: Partial<typeof crypto>): boolean {
  return subtle !== undefined;
}

function canonicalJson(payload: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = canonicalize(payload);
  } catch (error) {
    cause = error;
  }
  if (text !== undefined) return text;
  const reason = cause instanceof Error ? cause.message : 'it is not JSON';
  throw new MeshError('mesh.payload_invalid', `The payload has no canonical JSON: ${reason}`, {
    cause,
  });
}

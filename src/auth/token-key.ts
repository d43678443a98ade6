import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { isRecord } from '../common/is-record.js';
import { tokenInvalid } from './token-errors.js';
import type { TokenAlgorithm, VerificationKeys } from './verification-keys.js';

/** The signing key that a token names. */
interface KeyName {
  readonly algorithm: TokenAlgorithm;
  readonly keyId: string | undefined;
  /** The `iss` of the token. */
  readonly issuer?: string;
}

/** The signing key of a token, and the name by which the token refers to it. */
export interface UsedKey {
  readonly keyName: KeyName;
  readonly key: KeyObject;
}

/**
 * Returns the key to verify a token with, by `alg` and `kid` of its header (RFC 7515 section 4.1). Ignores keys that the
 * token contains or refers to (`jwk`, `jku`, `x5c`, `x5u`).
 *
 * @throws DomainError `auth.token_invalid` or `auth.keys_unavailable`
 */
export async function keyFor(token: string, keys: VerificationKeys): Promise<UsedKey> {
  const { header, payload } = partsOf(token);
  const { alg, kid } = header;
  const issuer = typeof payload['iss'] === 'string' ? payload['iss'] : undefined;
  const algorithm = keys.algorithms.find((name) => name === alg);
  if (algorithm === undefined)
    throw tokenInvalid(
      'algorithm',
      `The token must be signed with ${keys.algorithms.join(' or ')}`,
    );
  if (kid !== undefined && typeof kid !== 'string') throw malformed();
  const key = await keys.find(algorithm, kid, issuer);
  return { key, keyName: { algorithm, keyId: kid, issuer } };
}

/** Parses the token with the library that verifies the token, because two parsers could read one header differently. */
function partsOf(token: string): Record<'header' | 'payload', Record<string, unknown>> {
  let decoded: unknown;
  try {
    decoded = jwt.decode(token, { complete: true });
  } catch {
    // The cause is omitted: the message of the JSON parser quotes its input.
    throw malformed();
  }
  if (!isRecord(decoded) || !isRecord(decoded['header']) || !isRecord(decoded['payload'])) {
    throw malformed();
  }
  return { header: decoded['header'], payload: decoded['payload'] };
}

function malformed() {
  return tokenInvalid('malformed', 'The token is not a JWT');
}

import type { KeyObject } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { isRecord } from './is-record.js';
import { tokenInvalid } from './token-errors.js';
import type { TokenAlgorithm, VerificationKeys } from './verification-keys.js';

/** How a token asks for the key to verify it with. */
interface KeyName {
  readonly algorithm: TokenAlgorithm;
  readonly keyId: string | undefined;
}

/** The key that a token is verified with, and how the token asked for it. */
export interface UsedKey {
  readonly keyName: KeyName;
  readonly key: KeyObject;
}

/**
 * The key that a token not yet verified has to be verified with, by `alg` and `kid` of its header (RFC 7515
 * section 4.1). Keys that the token itself brings or points at (`jwk`, `jku`, `x5c`, `x5u`) are not looked at.
 */
export async function keyFor(token: string, keys: VerificationKeys): Promise<UsedKey> {
  const { alg, kid } = headerOf(token);
  const algorithm = keys.algorithms.find((name) => name === alg);
  if (algorithm === undefined) throw tokenInvalid('The token is not signed as it has to be');
  if (kid !== undefined && typeof kid !== 'string') throw malformed();
  const key = await keys.find(algorithm, kid);
  return { key, keyName: { algorithm, keyId: kid } };
}

/** As the library reads it that verifies the token afterwards: two readings of one header are a way in. */
function headerOf(token: string): Record<string, unknown> {
  let decoded: unknown;
  try {
    decoded = jwt.decode(token, { complete: true });
  } catch {
    // Without the cause: a JSON parser's message quotes what it could not read.
    throw malformed();
  }
  if (!isRecord(decoded) || !isRecord(decoded['header']) || !isRecord(decoded['payload'])) {
    throw malformed();
  }
  return decoded['header'];
}

function malformed() {
  return tokenInvalid('The token is not a JWT');
}

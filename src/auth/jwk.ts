import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { isRecord } from '../common/is-record.js';
import type { TokenAlgorithm } from './verification-keys.js';

/** A public signing key of the identity provider. */
export interface ProviderKey {
  readonly id?: string;
  readonly algorithms: readonly TokenAlgorithm[];
  readonly key: KeyObject;
}

const MIN_RSA_BITS = 2048;

/**
 * Returns the signing keys of a JWK set (RFC 7517): RSA of 2048 bits or more, and EC on P-256. Omits all others, such as
 * encryption keys. Also omits private and symmetric keys, because a published secret proves nothing.
 *
 * @throws Error if the value is not a JWK set
 */
export function providerKeys(jwks: unknown): ProviderKey[] {
  if (!isRecord(jwks) || !Array.isArray(jwks['keys'])) throw new Error('not a JWK set');
  const keys: readonly unknown[] = jwks['keys'];
  return keys.map(toProviderKey).filter((key) => key !== undefined);
}

function toProviderKey(jwk: unknown): ProviderKey | undefined {
  if (!isRecord(jwk) || !isForSignatures(jwk) || 'd' in jwk || 'k' in jwk) return undefined;
  const key = publicKey(jwk);
  if (key === undefined) return undefined;
  const algorithms = algorithmsOf(key).filter((name) => (jwk['alg'] ?? name) === name);
  if (algorithms.length === 0) return undefined;
  return { id: typeof jwk['kid'] === 'string' ? jwk['kid'] : undefined, algorithms, key };
}

function isForSignatures({ use, key_ops }: Record<string, unknown>): boolean {
  const verifies = key_ops === undefined || (Array.isArray(key_ops) && key_ops.includes('verify'));
  return verifies && (use === undefined || use === 'sig');
}

function publicKey({ kty, n, e, crv, x, y }: Record<string, unknown>): KeyObject | undefined {
  if (kty === 'RSA' && typeof n === 'string' && typeof e === 'string') {
    return imported({ kty, n, e });
  }
  if (kty === 'EC' && crv === 'P-256' && typeof x === 'string' && typeof y === 'string') {
    return imported({ kty, crv, x, y });
  }
  return undefined;
}

function imported(key: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function algorithmsOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): TokenAlgorithm[] {
  if (asymmetricKeyType === 'ec') return ['ES256'];
  return (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS ? ['RS256', 'PS256'] : [];
}

import { createPrivateKey, type KeyObject } from 'node:crypto';

/**
 * Parses the private key that signs the heads of the sealed log.
 *
 * @throws Error that names the variable
 */
export function parseSigningKey(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    // The reason can quote the key.
  }
  throw new Error('AUDIT_SIGNING_KEY must be a private Ed25519 key in PEM (PKCS #8)');
}

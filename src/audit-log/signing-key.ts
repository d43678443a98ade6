import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { type LogSigner, noteVerifier, rawPublicKey } from '../../packages/verify/src/note.js';

/** A key that signs heads, whatever the name of the log. */
export interface SigningKey {
  /** The 32 bytes of the public key. */
  readonly publicKey: Buffer;
  /**
   * Signs with Ed25519 (RFC 8032). Returns 64 bytes.
   *
   * @throws SigningError
   */
  sign(bytes: Buffer): Promise<Buffer>;
}

/** A key did not sign: its service is down, refuses, or has another key. */
export class SigningError extends Error {}

/** Returns a signer of the log with this origin. */
export function signerOf(key: SigningKey, origin: string): LogSigner {
  return { vkey: noteVerifier(origin, key.publicKey).vkey, sign: (bytes) => key.sign(bytes) };
}

/** A key in the memory of this process. */
export function localKey(key: KeyObject): SigningKey {
  const publicKey = rawPublicKey(createPublicKey(key));
  return { publicKey, sign: (bytes) => Promise.resolve(sign(null, bytes, key)) };
}

/** Returns a key whose signatures are verified before they are used. */
export function verifiedKey(key: SigningKey): SigningKey {
  const { key: publicKey } = noteVerifier('log', key.publicKey);
  return {
    publicKey: key.publicKey,
    async sign(bytes) {
      const signature = await key.sign(bytes);
      if (verify(null, bytes, publicKey, signature)) return signature;
      throw new SigningError(
        'The signature of AUDIT_SIGNER_URL does not verify with AUDIT_SIGNER_KEY: it signs with another key',
      );
    },
  };
}

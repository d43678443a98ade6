import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  cosignatureVerifier,
  noteVerifier,
  type NoteVerifier,
  parseVerifierKey,
} from '../../packages/verify/src/note.js';
import { readOrCreateFile } from '../common/data-file.js';
import { parseSigningKey } from '../config/audit-signing-key.js';
import { Environment } from '../config/environment.js';
import { localKey, type SigningKey, verifiedKey } from './signing-key.js';
import { transitKey } from './transit-key.js';

const FILE = 'audit-signing-key.pem';

/** The key that signs the heads of the sealed log, and the keys that signed earlier heads. In embedded mode it generates one. */
@Injectable()
export class SigningKeyService {
  /** Undefined: heads are not signed. */
  readonly key: SigningKey | undefined;
  private readonly retired: readonly Buffer[];

  constructor(environment: Environment) {
    this.key = environment.AUDIT_SEAL ? keyOf(environment) : undefined;
    this.retired = environment.AUDIT_RETIRED_KEYS.map((vkey) => parseVerifierKey(vkey).publicKey);
  }

  /** Returns the public keys that can have signed heads: the present one first. */
  publicKeys(): Buffer[] {
    return [...(this.key ? [this.key.publicKey] : []), ...this.retired];
  }

  /** Returns the keys that verify heads of a log. */
  verifiers(origin: string): NoteVerifier[] {
    return this.publicKeys()
      .map((publicKey) => noteVerifier(origin, publicKey))
      .flatMap((verifier) => [verifier, cosignatureVerifier(verifier)]);
  }
}

function keyOf(environment: Environment): SigningKey | undefined {
  const { AUDIT_SIGNING_KEY, AUDIT_SIGNER_URL, AUDIT_SIGNER_TOKEN, AUDIT_SIGNER_KEY } = environment;
  if (AUDIT_SIGNING_KEY !== undefined) return localKey(parseSigningKey(AUDIT_SIGNING_KEY));
  if (AUDIT_SIGNER_URL !== undefined && AUDIT_SIGNER_KEY !== undefined) {
    const { publicKey } = parseVerifierKey(AUDIT_SIGNER_KEY);
    return verifiedKey(transitKey(AUDIT_SIGNER_URL, AUDIT_SIGNER_TOKEN, publicKey));
  }
  if (!environment.isEmbedded) return undefined;
  return localKey(createPrivateKey(readOrCreateFile(environment.DATA_DIR, FILE, newKey)));
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

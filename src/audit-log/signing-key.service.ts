import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { parseVerifierKey } from '../../packages/verify/src/note.js';
import { readOrCreateFile } from '../common/data-file.js';
import { parseSigningKey } from '../config/audit-signing-key.js';
import { SECRET_FILES } from '../config/environment.module.js';
import { Environment } from '../config/environment.js';
import type { SecretFiles } from '../config/load-environment.js';
import { localKey, type SigningKey, verifiedKey } from './signing-key.js';
import { transitKey } from './transit-key.js';

const FILE = 'audit-signing-key.pem';

/** The key that signs the heads of the sealed log, and the keys that signed earlier heads. In embedded mode it generates one. */
@Injectable()
export class SigningKeyService {
  /** Undefined: heads are not signed. */
  readonly key: SigningKey | undefined;
  private readonly retired: readonly Buffer[];
  /** Why the key does not sign heads now, as far as this instance has observed it; undefined: it does. */
  obstacle: string | undefined;

  constructor(environment: Environment, @Inject(SECRET_FILES) files: SecretFiles = {}) {
    this.key = environment.AUDIT_SEAL ? keyOf(environment, files) : undefined;
    this.retired = environment.AUDIT_RETIRED_KEYS.map((vkey) => parseVerifierKey(vkey).publicKey);
  }

  /** Whether this instance signs heads. */
  get signs(): boolean {
    return this.key !== undefined && this.obstacle === undefined;
  }

  /** Returns the public keys that can have signed heads: the present one first. */
  publicKeys(): Buffer[] {
    return [...(this.key ? [this.key.publicKey] : []), ...this.retired];
  }
}

function keyOf(environment: Environment, files: SecretFiles): SigningKey | undefined {
  const { AUDIT_SIGNING_KEY, AUDIT_SIGNER_URL, AUDIT_SIGNER_TOKEN, AUDIT_SIGNER_KEY } = environment;
  if (AUDIT_SIGNING_KEY !== undefined) return localKey(parseSigningKey(AUDIT_SIGNING_KEY));
  if (AUDIT_SIGNER_URL !== undefined && AUDIT_SIGNER_KEY !== undefined) {
    const { publicKey } = parseVerifierKey(AUDIT_SIGNER_KEY);
    const file = files.AUDIT_SIGNER_TOKEN;
    const token = { value: AUDIT_SIGNER_TOKEN, file };
    return verifiedKey(transitKey(AUDIT_SIGNER_URL, token, publicKey));
  }
  if (!environment.isEmbedded) return undefined;
  return localKey(createPrivateKey(readOrCreateFile(environment.DATA_DIR, FILE, newKey)));
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

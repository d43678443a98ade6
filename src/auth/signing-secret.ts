import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readOrCreateFile } from '../common/data-file.js';
import type { Environment } from '../config/environment.js';

const SECRET_BYTES = 48;
const SECRET = /^[\w-]{64}$/;

/**
 * Returns the secret of HS256 tokens: JWT_SECRET, or in embedded mode a generated one.
 *
 * @throws Error if an identity provider is configured, or required
 */
export function signingSecret(environment: Environment): string {
  const { OIDC_JWKS_URL, JWT_SECRET, DATA_DIR, NODE_ENV, isEmbedded } = environment;
  const isDevelopment = isEmbedded && NODE_ENV !== 'production';
  if (OIDC_JWKS_URL.length === 0 && JWT_SECRET !== undefined) return JWT_SECRET;
  if (OIDC_JWKS_URL.length === 0 && isDevelopment) return developmentSecret(DATA_DIR);
  throw new Error('tokens must come from an identity provider');
}

/** Returns the secret in a file of the data folder. Creates it on first use, readable by its owner only. */
export function developmentSecret(dataDir: string, file = 'jwt-secret'): string {
  const secret = readOrCreateFile(dataDir, file, () =>
    randomBytes(SECRET_BYTES).toString('base64url'),
  );
  if (!SECRET.test(secret))
    throw new Error(`${join(dataDir, file)} contains no valid secret: delete it to get a new one`);
  return secret;
}

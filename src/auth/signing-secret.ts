import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
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
  const path = join(dataDir, file);
  const secret = read(path) ?? create(dataDir, path);
  if (!SECRET.test(secret))
    throw new Error(`${path} contains no valid secret: delete it to get a new one`);
  return secret;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Writes the secret to another file and links it, so that two processes agree on one and never read a partial secret. */
function create(dataDir: string, path: string): string {
  mkdirSync(dataDir, { recursive: true });
  const own = `${path}.${randomBytes(8).toString('hex')}`;
  writeFileSync(own, randomBytes(SECRET_BYTES).toString('base64url'), { mode: 0o600, flag: 'wx' });
  try {
    linkSync(own, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    rmSync(own);
  }
  return readFileSync(path, 'utf8').trim();
}

function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}

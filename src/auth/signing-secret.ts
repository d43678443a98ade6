import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../config/environment.js';

const SECRET_BYTES = 48;
const SECRET = /^[\w-]{64}$/;

/**
 * The secret that HS256 tokens are signed with: JWT_SECRET, or in embedded development mode the controller's own.
 * Throws where an identity provider makes the tokens, or has to.
 */
export function signingSecret(environment: Environment): string {
  const { OIDC_JWKS_URL, JWT_SECRET, DATA_DIR, NODE_ENV, isEmbedded } = environment;
  const isDevelopment = isEmbedded && NODE_ENV !== 'production';
  if (OIDC_JWKS_URL === undefined && JWT_SECRET !== undefined) return JWT_SECRET;
  if (OIDC_JWKS_URL === undefined && isDevelopment) return developmentSecret(DATA_DIR);
  throw new Error('tokens have to come from an identity provider');
}

/** The secret in `jwt-secret` under the data directory, for its owner's eyes only; made on first use. */
export function developmentSecret(dataDir: string): string {
  const path = join(dataDir, 'jwt-secret');
  const secret = read(path) ?? create(dataDir, path);
  if (!SECRET.test(secret)) throw new Error(`${path} holds no secret: delete it to get a new one`);
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

/** Written aside and linked into place, so that of two processes one wins and nobody reads half a secret. */
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

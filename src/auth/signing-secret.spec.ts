import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parseEnvironment } from '../config/parse-environment.js';
import { developmentSecret, signingSecret } from './signing-secret.js';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'secret-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('the development secret', () => {
  it('is made on first use, 48 bytes long, for its owner only, and kept', () => {
    const dataDir = join(directory, 'new', 'data');
    const secret = developmentSecret(dataDir);
    expect(Buffer.from(secret, 'base64url')).toHaveLength(48);
    expect(statSync(join(dataDir, 'jwt-secret')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['jwt-secret']);
    expect(developmentSecret(dataDir)).toBe(secret);
  });

  it('differs from one data directory to another', () => {
    expect(developmentSecret(join(directory, 'a'))).not.toBe(
      developmentSecret(join(directory, 'b')),
    );
  });

  it.each(['', 'short', 'x'.repeat(65)])('is not taken from a file that holds %j', (content) => {
    writeFileSync(join(directory, 'jwt-secret'), content);
    expect(() => developmentSecret(directory)).toThrow('contains no valid secret');
    expect(readFileSync(join(directory, 'jwt-secret'), 'utf8')).toBe(content);
  });

  it('is not taken from what cannot be read', () => {
    mkdirSync(join(directory, 'jwt-secret'));
    expect(() => developmentSecret(directory)).toThrow('EISDIR');
  });
});

describe('the signing secret', () => {
  const secret = 'a secret that has 32 bytes or more';

  it('is JWT_SECRET, and no file is made', () => {
    const environment = parseEnvironment({ JWT_SECRET: secret, DATA_DIR: directory });
    expect(signingSecret(environment)).toBe(secret);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is the development secret in embedded mode', () => {
    const environment = parseEnvironment({ DATA_DIR: directory });
    expect(signingSecret(environment)).toBe(developmentSecret(directory));
  });

  it('is nobody’s where an identity provider makes the tokens', () => {
    const environment = parseEnvironment({
      OIDC_ISSUER_URL: 'https://id.example.com',
      OIDC_JWKS_URL: 'https://id.example.com/keys',
      OIDC_AUDIENCE: 'mesh',
      DATA_DIR: directory,
    });
    expect(() => signingSecret(environment)).toThrow('identity provider');
    expect(readdirSync(directory)).toEqual([]);
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadMeshEnvironment, MESH_VARIABLES, meshEnvironmentWarnings } from './environment.js';
import { tokenFrom, tokenProvider } from './token.js';

let folder: string;
const file = (content: string) => {
  const path = join(folder, 'token');
  writeFileSync(path, content);
  return path;
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mesh-environment-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const CLIENT = {
  MESH_CLIENT_ID: 'finance',
  MESH_CLIENT_SECRET: 'a secret',
  MESH_ISSUER_URL: 'https://id.example.com',
};

describe('the environment of a stdio server', () => {
  it('needs nothing but a token', () => {
    expect(loadMeshEnvironment({ MESH_JWT_TOKEN: 'a.b.c' })).toMatchObject({
      url: 'http://localhost:8088',
      token: { kind: 'token', token: 'a.b.c' },
      retries: 3,
      timeoutSeconds: 30,
    });
  });

  it('may name a file with it', () => {
    const path = file(' a.b.c\n');
    const { token } = loadMeshEnvironment({ MESH_JWT_TOKEN_FILE: path });
    expect(token).toEqual({ kind: 'file', file: path });
    expect(tokenFrom(path)).toBe('a.b.c');
  });

  it('may have client credentials', () => {
    const { token } = loadMeshEnvironment({ ...CLIENT, MESH_SCOPE: 'mesh', MESH_AUDIENCE: '' });
    expect(token).toEqual({
      kind: 'client',
      issuer: 'https://id.example.com',
      clientId: 'finance',
      clientSecret: 'a secret',
      scope: 'mesh',
    });
  });

  it('sends no secret over plain HTTP to another machine', () => {
    const insecure = { ...CLIENT, MESH_ISSUER_URL: 'http://id.example.com' };
    expect(() => tokenProvider(loadMeshEnvironment(insecure).token)).toThrow('must use https');
  });

  it.each(MESH_VARIABLES)('warns about a misspelled %s', (name) => {
    const wrong = name.replace('_', '');
    expect(meshEnvironmentWarnings({ [wrong]: 'x' })).toEqual([
      `"${wrong}" has no effect; did you mean ${name}?`,
    ]);
  });

  it.each([
    [{}, 'set MESH_JWT_TOKEN or MESH_JWT_TOKEN_FILE'],
    [{ MESH_JWT_TOKEN: 'a', MESH_JWT_TOKEN_FILE: '/x' }, 'not both'],
    [{ MESH_JWT_TOKEN: 'a b' }, 'MESH_JWT_TOKEN must hold a token'],
    [{ MESH_JWT_TOKEN: 'a', CONTROLLER_URL: 'localhost:8088' }, 'CONTROLLER_URL'],
    [
      { MESH_JWT_TOKEN: 'a', CONTROLLER_URL: 'http://agent:secret@localhost:8088' },
      'Configuration: CONTROLLER_URL must be an http or https URL without a user and a password.',
    ],
    [{ MESH_JWT_TOKEN: 'a', MESH_RETRY_COUNT: '11' }, 'from 0 to 10'],
    [{ MESH_JWT_TOKEN: 'a', MESH_TIMEOUT_SECS: '0' }, 'from 1 to 300'],
    [{ MESH_JWT_TOKEN: 'a', MESH_CLIENT_ID: 'finance' }, 'not both'],
    [{ MESH_CLIENT_ID: 'finance', MESH_CLIENT_SECRET: 's' }, 'requires MESH_ISSUER_URL'],
    [
      { ...CLIENT, MESH_CLIENT_SECRET: '' },
      'requires MESH_CLIENT_SECRET or MESH_CLIENT_SECRET_FILE',
    ],
    [{ ...CLIENT, MESH_CLIENT_SECRET_FILE: '/x' }, 'not both'],
    [
      { ...CLIENT, MESH_ISSUER_URL: 'id.example.com' },
      'MESH_ISSUER_URL must be an http or https URL',
    ],
  ])('refuses %j', (variables, message) => {
    expect(() => loadMeshEnvironment(variables)).toThrow(message);
  });

  it.each([
    ['two words', 'must hold a token'],
    [undefined, 'cannot be read'],
  ])('reads the token file later, at a call: %j', (content, message) => {
    const path = content === undefined ? '/does/not/exist' : file(content);
    const { token } = loadMeshEnvironment({ MESH_JWT_TOKEN_FILE: path });
    expect(token).toEqual({ kind: 'file', file: path });
    expect(() => tokenFrom(path)).toThrow(`MESH_JWT_TOKEN_FILE ${message}`);
  });
});

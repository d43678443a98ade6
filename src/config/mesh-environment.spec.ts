import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadMeshEnvironment, tokenFrom } from './mesh-environment.js';

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

describe('the environment of a stdio server', () => {
  it('needs nothing but a token', () => {
    expect(loadMeshEnvironment({ MESH_JWT_TOKEN: 'a.b.c' })).toMatchObject({
      CONTROLLER_URL: 'http://localhost:8088',
      MESH_RETRY_COUNT: 3,
      MESH_TIMEOUT_SECS: 30,
    });
  });

  it('may name a file with it', () => {
    const path = file(' a.b.c\n');
    expect(loadMeshEnvironment({ MESH_JWT_TOKEN_FILE: path }).MESH_JWT_TOKEN_FILE).toBe(path);
    expect(tokenFrom(path)).toBe('a.b.c');
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
  ])('refuses %j', (variables, message) => {
    expect(() => loadMeshEnvironment(variables)).toThrow(message);
  });

  it.each([
    ['two words', 'must hold a token'],
    [undefined, 'cannot be read'],
  ])('reads the token file later, at a call: %j', (content, message) => {
    const path = content === undefined ? '/does/not/exist' : file(content);
    expect(loadMeshEnvironment({ MESH_JWT_TOKEN_FILE: path }).MESH_JWT_TOKEN_FILE).toBe(path);
    expect(() => tokenFrom(path)).toThrow(`MESH_JWT_TOKEN_FILE ${message}`);
  });
});

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SECRET_VARIABLES } from './parse-environment.js';
import {
  environmentWarnings,
  loadDatabaseEnvironment,
  loadEnvironment,
} from './load-environment.js';

const SECRET = 'x'.repeat(32);
const URL = 'postgres://mesh:pw@db/mesh';

let folder: string;
let home: string;

beforeEach(() => {
  home = process.cwd();
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'agent-mesh-environment-')));
  process.chdir(folder);
});

afterEach(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('Loading the environment', () => {
  it('warns about misspelled variables of the process and of .env', () => {
    file('.env', 'DATABSE_URL=postgres://u:secret@db/mesh\n');
    expect(environmentWarnings({ PROT: '1', PORT: '2' })).toEqual([
      '"DATABSE_URL" has no effect; did you mean DATABASE_URL?',
      '"PROT" has no effect; did you mean PORT?',
    ]);
  });

  it('reads the variables of the process, and those of .env beneath them', () => {
    file('.env', `PORT=1111\nSESSION_RETENTION_DAYS=30 # a month\n`);

    expect(loadEnvironment({ PORT: '2222' })).toMatchObject({
      PORT: 2222,
      SESSION_RETENTION_DAYS: 30,
    });
  });

  it('works without .env', () => {
    expect(loadEnvironment({ PORT: '2222' }).PORT).toBe(2222);
  });

  it('reads a secret from the file that is named, without the line break at its end', () => {
    const path = file('secret', `${SECRET}\n`);

    expect(loadEnvironment({ JWT_SECRET_FILE: path }).JWT_SECRET).toBe(SECRET);
  });

  it.each([
    ['DATABASE_URL', URL, URL],
    ['DATABASE_DIRECT_URL', URL, URL],
    ['DATABASE_READ_URL', URL, URL],
    ['REDIS_URL', 'redis://:pw@cache', ['redis://:pw@cache']],
    ['JWT_SECRET', SECRET, SECRET],
  ] as const)('takes %s as a file', (name, text, value) => {
    expect(SECRET_VARIABLES).toContain(name);
    const environment = loadDatabaseEnvironment({ [`${name}_FILE`]: file('secret', text) });

    expect(environment[name]).toEqual(value);
  });

  it.each<[variables: Record<string, string>, message: string]>([
    [
      { JWT_SECRET: SECRET, JWT_SECRET_FILE: '/run/secrets/jwt' },
      'Configuration: set JWT_SECRET or JWT_SECRET_FILE, not both.',
    ],
    [
      { JWT_SECRET_FILE: '/no/such/hunter2', REDIS_URL_FILE: '/no/such/hunter2' },
      'Configuration: REDIS_URL_FILE cannot be read; JWT_SECRET_FILE cannot be read.',
    ],
  ])('refuses %j', (variables, message) => {
    expect(() => loadEnvironment(variables)).toThrow(message);
  });

  it('takes an empty file name, and an empty file, for a secret that is not set', () => {
    expect(loadEnvironment({ JWT_SECRET_FILE: '' }).JWT_SECRET).toBeUndefined();
    expect(loadEnvironment({ JWT_SECRET_FILE: file('empty', '\n') }).JWT_SECRET).toBeUndefined();
  });
});

describe('Loading it for a tool that only uses the database', () => {
  it('asks for nothing that tokens need', () => {
    const variables = { DATABASE_URL: URL, NODE_ENV: 'production' };

    expect(loadDatabaseEnvironment(variables).DATABASE_URL).toBe(URL);
    expect(() => loadEnvironment(variables)).toThrow('OIDC_JWKS_URL');
  });

  it('still refuses what is no value', () => {
    expect(() => loadDatabaseEnvironment({ DATABASE_URL: 'db' })).toThrow(
      'DATABASE_URL must be a URL such as postgres://user@host/database',
    );
  });
});

import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { cosignatureVerifier, noteVerifier } from '../../packages/verify/src/note.js';
import { ENVIRONMENT_RULES } from './environment-rules.js';
import { Environment } from './environment.js';
import { parseEnvironment, SECRET_VARIABLES, VARIABLES } from './parse-environment.js';
import { EnvironmentError } from './validated.js';

const PAGE = readFileSync('docs/configuration.md', 'utf8');
const EXAMPLE = readFileSync('.env.example', 'utf8');

type Value = string | number | boolean | readonly string[] | undefined;

const defaults = Object.entries<Value>({ ...new Environment() }).map(([name, value = '']) => [
  name,
  value.toString(),
]);

const FILES = SECRET_VARIABLES.map((name) => `${name}_FILE`);

/** Variables that name a file themselves. */
const PATHS = VARIABLES.filter((name) => name.endsWith('_FILE'));

const WITNESS = `https://w.example.org|${cosignatureVerifier(noteVerifier('w.example.org', Buffer.alloc(32))).vkey}`;

/** Environments that break the rules over several variables, all of them together. */
const BREAKING: Record<string, string>[] = [
  { OIDC_ISSUER_URL: 'http://idp', OIDC_JWKS_URL: 'http://idp/certs', OIDC_AUDIENCE: 'mesh' },
  { OIDC_JWKS_URL: 'https://idp/certs', JWT_SECRET: 'x'.repeat(32) },
  { OIDC_JWKS_URL: 'https://idp/certs' },
  { DATABASE_URL: 'postgres://db/mesh' },
  { NODE_ENV: 'production', JWT_SECRET: 'x'.repeat(32) },
  { DATABASE_DIRECT_URL: 'postgres://db/mesh', DATABASE_READ_URL: 'postgres://db/mesh' },
  { ROLES: 'finance', DEFAULT_ROLE_PRECEDENCE: 'legal' },
  ...[
    'redis://:a/b@host',
    'redis://host:99999',
    'unix://redis.sock',
    'redis://host/one',
    'redis://host?tls=true',
    'redis://password@host',
    'redis://:100%@host',
    'redis://host,unix:///redis.sock',
    'redis://one/1,redis://two/1',
  ].map((REDIS_URL) => ({ REDIS_URL })),
  { OIDC_ISSUER_URL: 'https://a,https://b', OIDC_JWKS_URL: 'https://a/keys', OIDC_AUDIENCE: 'a' },
  { OIDC_ROLES_MAP: 'finance' },
  { REDIS_SENTINEL_NAME: 'mesh', REDIS_TLS_CERT_FILE: 'a.pem' },
  { REDIS_SENTINEL_PASSWORD: 'secret' },
  { REDIS_TLS_CA_FILE: 'no-such-file', REDIS_URL: 'rediss://host' },
  { REDIS_TLS_CA_FILE: 'README.md', REDIS_URL: 'rediss://host' },
  { OIDC_CONSOLE_CLIENT_ID: 'mesh-console' },
  { HTTP_HEADERS_SECONDS: '60', HTTP_REQUEST_SECONDS: '30' },
  { WEBHOOK_ALLOWED_NETWORKS: 'internal' },
  { A2A_ROLES: 'ghost', ROLES: 'finance' },
  { A2A_ROLES: 'admin' },
  { A2A_CARDS_FILE: 'no-such-file' },
  { A2A_CARDS_FILE: 'README.md' },
  { A2A_CARDS_FILE: 'test/support/a2a-cards.json' },
  { AUDIT_SIGNING_KEY: 'no key' },
  { AUDIT_SIGNING_KEY: 'no key', AUDIT_SIGNER_URL: 'https://vault' },
  { AUDIT_SIGNER_URL: 'http://vault', AUDIT_SIGNER_KEY: 'no key' },
  { AUDIT_SIGNER_URL: 'https://vault', AUDIT_RETIRED_KEYS: 'no key' },
  { AUDIT_ANCHORS: 'ftp://anchor' },
  { AUDIT_WITNESSES: 'https://witness' },
  { AUDIT_WITNESSES: `${WITNESS},${WITNESS}`, AUDIT_WITNESS_QUORUM: '3' },
];

describe('docs/configuration.md', () => {
  it('has a row for each variable, with its default, and for no other', () => {
    const rows = [...PAGE.matchAll(/^\| `([A-Z0-9_]+)` +\| (?:`([^`]*)`|–) +\|/gm)];

    expect(sorted(rows.map(([, name = '', value = '']) => [name, value]))).toEqual(
      sorted(defaults),
    );
  });

  it('states the range of each number, the values of each choice, and each flag', () => {
    const values = new Map(
      [...PAGE.matchAll(/^\| `([A-Z0-9_]+)` +\| [^|]+ \| ([^|]+?) +\|/gm)].map(
        ([, name = '', value = '']) => [name, value],
      ),
    );
    for (const [name, value] of Object.entries<Value>({ ...new Environment() })) {
      const text = values.get(name) ?? '';
      if (typeof value === 'boolean') expect([name, text]).toEqual([name, 'flag']);
      if (typeof value !== 'number') continue;
      const [, min = NaN, max = NaN] = (/^(\d+) to (\d+)/.exec(text) ?? []).map(Number);
      const candidates = [min - 1, min, max, max + 1].map(String);
      const accepted = candidates.filter((candidate) => isAccepted(name, candidate));
      expect([name, accepted]).toEqual([name, [String(min), String(max)]]);
    }
    for (const name of ['NODE_ENV', 'LOG_LEVEL']) {
      const choices = [...(values.get(name) ?? '').matchAll(/`(\w+)`/g)].map(([, one = '']) => one);
      expect([name, choices.filter((one) => !isAccepted(name, one))]).toEqual([name, []]);
      expect(messageOf(name, 'other')).toContain(`: ${choices.join(', ')}`);
    }
  });

  it('names each file that may hold a secret, and no other', () => {
    expect(new Set(PAGE.match(/\b[A-Z0-9_]+_FILE\b/g))).toEqual(new Set([...FILES, ...PATHS]));
  });

  it('quotes every message of a rule', () => {
    const broken = new Set<unknown>();
    for (const variables of BREAKING) {
      const environment = parseEnvironment(variables, []);
      for (const rule of ENVIRONMENT_RULES) {
        for (const message of rule(environment)) {
          broken.add(rule);
          expect(PAGE).toContain(`\`${message}\``);
        }
      }
    }
    expect(broken.size).toBe(ENVIRONMENT_RULES.length);
  });
});

describe('.env.example', () => {
  const lines = [...EXAMPLE.matchAll(/^# ([A-Z0-9_]+)=(.*)$/gm)].map(
    ([, name = '', value = '']) => [name, value],
  );

  it('has each variable, with its default, and no other', () => {
    expect(sorted(lines)).toEqual(sorted([...defaults, ...FILES.map((name) => [name, ''])]));
  });

  it('changes nothing when it is copied, nor when all of it is set', () => {
    expect(EXAMPLE).not.toMatch(/^[^#\n]/m);
    expect(parseEnvironment(Object.fromEntries(lines) as Record<string, string>)).toEqual(
      new Environment(),
    );
  });

  it('keeps to the order of the page', () => {
    const position = (name: string): number => PAGE.indexOf(`| \`${name}\``);
    const names = lines.map(([name = '']) => name).filter((name) => VARIABLES.includes(name));

    expect(names).toEqual([...names].sort((a, b) => position(a) - position(b)));
  });
});

function isAccepted(name: string, value: string): boolean {
  return messageOf(name, value) === '';
}

/** The message about one variable; empty if its value is valid. */
function messageOf(name: string, value: string): string {
  try {
    parseEnvironment({ [name]: value }, []);
    return '';
  } catch (error) {
    if (error instanceof EnvironmentError) return error.message;
    throw error;
  }
}

function sorted(rows: string[][]): string[] {
  return rows.map((row) => row.join('=')).sort();
}

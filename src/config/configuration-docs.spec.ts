import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { ENVIRONMENT_RULES } from './environment-rules.js';
import { Environment } from './environment.js';
import { parseEnvironment, SECRET_VARIABLES, VARIABLES } from './parse-environment.js';

const PAGE = readFileSync('docs/configuration.md', 'utf8');
const EXAMPLE = readFileSync('.env.example', 'utf8');

type Value = string | number | boolean | readonly string[] | undefined;

const defaults = Object.entries<Value>({ ...new Environment() }).map(([name, value = '']) => [
  name,
  value.toString(),
]);

const FILES = SECRET_VARIABLES.map((name) => `${name}_FILE`);

/** Environments that break the rules over several variables, all of them together. */
const BREAKING: Record<string, string>[] = [
  { OIDC_ISSUER_URL: 'http://idp', OIDC_JWKS_URL: 'http://idp/certs', OIDC_AUDIENCE: 'mesh' },
  { OIDC_JWKS_URL: 'https://idp/certs', JWT_SECRET: 'x'.repeat(32) },
  { OIDC_JWKS_URL: 'https://idp/certs' },
  { DATABASE_URL: 'postgres://db/mesh' },
  { NODE_ENV: 'production', JWT_SECRET: 'x'.repeat(32) },
  { DATABASE_DIRECT_URL: 'postgres://db/mesh' },
  { ROLES: 'finance', DEFAULT_ROLE_PRECEDENCE: 'legal' },
];

describe('docs/configuration.md', () => {
  it('has a row for each variable, with its default, and for no other', () => {
    const rows = [...PAGE.matchAll(/^\| `([A-Z0-9_]+)` +\| (?:`([^`]*)`|–) +\|/gm)];

    expect(sorted(rows.map(([, name = '', value = '']) => [name, value]))).toEqual(
      sorted(defaults),
    );
  });

  it('names each file that may hold a secret, and no other', () => {
    expect(new Set(PAGE.match(/\b[A-Z0-9_]+_FILE\b/g))).toEqual(new Set(FILES));
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

function sorted(rows: string[][]): string[] {
  return rows.map((row) => row.join('=')).sort();
}

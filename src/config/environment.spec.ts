import { describe, expect, it } from '@jest/globals';
import { Environment } from './environment.js';
import { parseEnvironment, VARIABLES } from './parse-environment.js';
import { EnvironmentError } from './validated.js';

type Variables = Record<string, string>;

const DATABASE: Variables = { DATABASE_URL: 'postgres://mesh:pw@db:5432/mesh' };
const SECRET: Variables = { JWT_SECRET: 'x'.repeat(32) };
const OIDC: Variables = {
  OIDC_ISSUER_URL: 'https://idp.example.com/realms/corp',
  OIDC_JWKS_URL: 'https://idp.example.com/realms/corp/certs',
  OIDC_AUDIENCE: 'agent-mesh',
};

const CLAIM_PATH = 'OIDC_ROLES_CLAIM must be the path of a claim, such as realm_access.roles';

/** What is wrong, without the frame around it. */
function problemOf(variables: Variables): string | undefined {
  try {
    parseEnvironment(variables);
    return undefined;
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    return /^Configuration: (.*)\.$/.exec(error.message)?.[1];
  }
}

describe('The environment', () => {
  it('needs nothing: that is embedded development', () => {
    const environment = parseEnvironment({});

    expect(environment.isEmbedded).toBe(true);
    expect(environment).toEqual(new Environment());
  });

  it('is frozen', () => {
    expect(Object.isFrozen(parseEnvironment({}))).toBe(true);
  });

  it('ignores variables that are none of ours', () => {
    expect(parseEnvironment({ PATH: '/bin', PORTS: '1' })).toEqual(new Environment());
  });

  it('takes an empty variable for one that is not set', () => {
    const empty = Object.fromEntries(VARIABLES.map((name) => [name, '']));

    expect(parseEnvironment(empty)).toEqual(new Environment());
  });

  it.each<[name: keyof Environment, text: string, value: unknown]>([
    ['PORT', '0', 0],
    ['PORT', '65535', 65_535],
    ['MIGRATE_ON_START', 'true', true],
    ['APPROVALS_FOUR_EYES', 'false', false],
    ['ROLES', ' finance, ,legal ', ['finance', 'legal']],
    ['REDIS_URL', 'redis://one:6379,rediss://two:6380', ['redis://one:6379', 'rediss://two:6380']],
    ['DATABASE_URL', 'postgresql://u:p%40@my_db/mesh?sslmode=verify-full', undefined],
    ['HOST', '::', '::'],
    ['LOG_LEVEL', 'debug', 'debug'],
  ])('reads %s=%s', (name, text, value) => {
    const environment: Record<string, unknown> = {
      ...parseEnvironment({ ...SECRET, [name]: text }),
    };
    expect(environment[name]).toEqual(value ?? text);
  });

  it.each([
    ['PORT', '65536', 'PORT must be a whole number from 0 to 65535'],
    ['PORT', '-1', 'PORT must be a whole number from 0 to 65535'],
    ['PORT', '80.5', 'PORT must be a whole number from 0 to 65535'],
    ['PORT', '0x50', 'PORT must be a whole number from 0 to 65535'],
    ['PORT', '1e3', 'PORT must be a whole number from 0 to 65535'],
    ['PORT', ' 80', 'PORT must be a whole number from 0 to 65535'],
    ['DATABASE_POOL_SIZE', '0', 'DATABASE_POOL_SIZE must be a whole number from 1 to 200'],
    ['SESSION_RETENTION_DAYS', '0', 'SESSION_RETENTION_DAYS must be a whole number from 1 to 3650'],
    [
      'IDEMPOTENCY_TTL_SECONDS',
      '0',
      'IDEMPOTENCY_TTL_SECONDS must be a whole number from 1 to 31536000',
    ],
    [
      'SWEEP_INTERVAL_SECONDS',
      '3601',
      'SWEEP_INTERVAL_SECONDS must be a whole number from 1 to 3600',
    ],
    ['TRUST_PROXY', 'true', 'TRUST_PROXY must be a whole number from 0 to 10'],
    ['MIGRATE_ON_START', 'yes', 'MIGRATE_ON_START must be true or false'],
    ['API_DOCS_ENABLED', '1', 'API_DOCS_ENABLED must be true or false'],
    [
      'NODE_ENV',
      'staging',
      'NODE_ENV must be one of the following values: development, test, production',
    ],
    [
      'LOG_LEVEL',
      'verbose',
      'LOG_LEVEL must be one of the following values: error, warn, log, debug',
    ],
    [
      'DATABASE_URL',
      'mysql://db/mesh',
      'DATABASE_URL must be a URL such as postgres://user@host/database',
    ],
    [
      'DATABASE_DIRECT_URL',
      'db',
      'DATABASE_DIRECT_URL must be a URL such as postgres://user@host/database',
    ],
    [
      'DATABASE_READ_URL',
      'mysql://db/mesh',
      'DATABASE_READ_URL must be a URL such as postgres://user@host/database',
    ],
    ['REDIS_URL', 'redis://one,two', 'each value in REDIS_URL must be a URL address'],
    ['OIDC_ISSUER_URL', 'idp', 'OIDC_ISSUER_URL must be a URL address'],
    ['OIDC_JWKS_URL', 'file:///keys', 'OIDC_JWKS_URL must be a URL address'],
    ['REDIS_URL', ', ,', 'each value in REDIS_URL must be a URL address'],
    ['OIDC_AUDIENCE', ' , ', 'OIDC_AUDIENCE must hold audiences, or not be set'],
    ['OIDC_ROLES_CLAIM', 'a..b', CLAIM_PATH],
    ['OIDC_ROLES_CLAIM', '.groups', CLAIM_PATH],
    ['OIDC_ROLES_CLAIM', 'my groups', CLAIM_PATH],
    [
      'DEFAULT_ROLE_PRECEDENCE',
      ',',
      'DEFAULT_ROLE_PRECEDENCE must hold names of roles, or not be set',
    ],
    ['ROLES', ',,', 'ROLES must hold names of roles, or not be set'],
    ['JWT_SECRET', 'x'.repeat(31), 'JWT_SECRET must have at least 32 bytes'],
  ])('refuses %s=%s', (name, text, problem) => {
    expect(problemOf({ [name]: text })).toBe(problem);
  });

  it('counts the secret in bytes', () => {
    expect(problemOf({ JWT_SECRET: 'ü'.repeat(16) })).toBeUndefined();
  });

  it('lists all problems on one line, and no value', () => {
    const problem = problemOf({ PORT: 'hunter2', JWT_SECRET: 'hunter2', REDIS_URL: 'hunter2' });

    expect(problem?.split('; ')).toHaveLength(3);
    expect(problem).not.toMatch(/hunter2|\n/);
  });
});

describe('Several variables together', () => {
  it.each<[what: string, variables: Variables]>([
    ['nothing', {}],
    ['a database and a secret', { ...DATABASE, ...SECRET }],
    ['a database and an identity provider', { ...DATABASE, ...OIDC }],
    ['the same in production', { ...DATABASE, ...OIDC, NODE_ENV: 'production' }],
    ['a secret whose tokens also need an issuer', { ...SECRET, OIDC_ISSUER_URL: 'https://idp' }],
    [
      'an issuer on loopback over http',
      { ...OIDC, OIDC_ISSUER_URL: 'http://localhost:8080/realms' },
    ],
    ['keys on loopback over http', { ...OIDC, OIDC_JWKS_URL: 'http://127.0.0.1:8080/certs' }],
    ['keys on IPv6 loopback over http', { ...OIDC, OIDC_JWKS_URL: 'http://[::1]:8080/certs' }],
    ['http, knowingly', { ...OIDC, OIDC_JWKS_URL: 'http://idp/certs', OIDC_ALLOW_HTTP: 'true' }],
    [
      'two ways to the database',
      { ...DATABASE, ...SECRET, DATABASE_DIRECT_URL: 'postgres://db/x' },
    ],
    [
      'a replica, of several hosts',
      {
        ...DATABASE,
        ...SECRET,
        DATABASE_READ_URL: 'postgres://a,b/x?target_session_attrs=standby',
      },
    ],
  ])('are fine: %s', (_, variables) => {
    expect(problemOf(variables)).toBeUndefined();
  });

  it.each<[variables: Variables, problem: string]>([
    [
      DATABASE,
      'set OIDC_JWKS_URL (with OIDC_ISSUER_URL and OIDC_AUDIENCE), or JWT_SECRET for development',
    ],
    [{ ...SECRET, ...OIDC }, 'set OIDC_JWKS_URL or JWT_SECRET, not both'],
    [
      { OIDC_JWKS_URL: 'https://idp/certs' },
      'OIDC_JWKS_URL needs OIDC_ISSUER_URL and OIDC_AUDIENCE too',
    ],
    [{ ...OIDC, OIDC_AUDIENCE: '' }, 'OIDC_JWKS_URL needs OIDC_ISSUER_URL and OIDC_AUDIENCE too'],
    [
      { ...OIDC, OIDC_ISSUER_URL: 'http://idp' },
      'OIDC_ISSUER_URL must be https (or set OIDC_ALLOW_HTTP=true)',
    ],
    [
      { ...OIDC, OIDC_JWKS_URL: 'http://127.0.0.1.evil.example/certs' },
      'OIDC_JWKS_URL must be https (or set OIDC_ALLOW_HTTP=true)',
    ],
    [
      { ...OIDC, NODE_ENV: 'production' },
      'NODE_ENV=production needs DATABASE_URL: the embedded database is for development',
    ],
    [
      { ...DATABASE, ...SECRET, NODE_ENV: 'production' },
      'NODE_ENV=production refuses JWT_SECRET: use OIDC_JWKS_URL',
    ],
    [{ DATABASE_DIRECT_URL: 'postgres://db/x' }, 'DATABASE_DIRECT_URL needs DATABASE_URL too'],
    [{ DATABASE_READ_URL: 'postgres://db/x' }, 'DATABASE_READ_URL needs DATABASE_URL too'],
    [
      {
        ...DATABASE,
        ...SECRET,
        DATABASE_READ_URL: 'postgres://db/x?target_session_attrs=primary',
      },
      'DATABASE_READ_URL must not have a target_session_attrs other than any, read-only, standby and prefer-standby',
    ],
    [
      { ROLES: 'finance,legal', DEFAULT_ROLE_PRECEDENCE: 'finance,Legal' },
      'DEFAULT_ROLE_PRECEDENCE must name roles of ROLES only',
    ],
  ])('are refused: %j', (variables, problem) => {
    expect(problemOf(variables)).toBe(problem);
  });

  it('may be anything for a tool that asks for no rule', () => {
    expect(parseEnvironment({ ...DATABASE, NODE_ENV: 'production' }, []).isEmbedded).toBe(false);
  });
});

describe('The address to listen on', () => {
  it.each<[variables: Variables, host: string]>([
    [{}, '127.0.0.1'],
    [{ ...DATABASE, ...SECRET }, '0.0.0.0'],
    [{ HOST: '0.0.0.0' }, '0.0.0.0'],
    [{ ...DATABASE, ...SECRET, HOST: '10.0.0.1' }, '10.0.0.1'],
  ])('with %j is %s', (variables, host) => {
    expect(parseEnvironment(variables).listenHost).toBe(host);
  });
});

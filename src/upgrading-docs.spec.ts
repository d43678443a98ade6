import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { KNOWN_VARIABLES, VARIABLES } from './config/parse-environment.js';
import { MIGRATIONS } from './database/database-options.js';

const PAGE = readFileSync('docs/operations/upgrading.md', 'utf8');
const [, SECTION = ''] = /^## From 0\.4 to 0\.5\n([^]*?)^## /m.exec(PAGE) ?? [];

/** The last migration of 0.4.0. */
const LAST_OF_04 = '1764000003000';

/** The variables of 0.4.0. */
const VARIABLES_OF_04 = [
  'NODE_ENV',
  'PORT',
  'HOST',
  'TRUST_PROXY',
  'API_DOCS_ENABLED',
  'LOG_LEVEL',
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'DATABASE_POOL_SIZE',
  'MIGRATE_ON_START',
  'DATA_DIR',
  'REDIS_URL',
  'OIDC_ISSUER_URL',
  'OIDC_JWKS_URL',
  'OIDC_AUDIENCE',
  'OIDC_ALLOW_HTTP',
  'JWT_SECRET',
  'ROLES',
  'SESSION_RETENTION_DAYS',
  'IDEMPOTENCY_TTL_SECONDS',
  'SWEEP_INTERVAL_SECONDS',
  'LEASE_MIN_SECONDS',
  'APPROVALS_FOUR_EYES',
];

describe('docs/operations/upgrading.md, from 0.4 to 0.5', () => {
  it('has a row for each migration since 0.4.0, in order', () => {
    const numbers = MIGRATIONS.map(({ name }) => name.slice(-LAST_OF_04.length));
    const rows = [...SECTION.matchAll(/^\| `(\d{13})` /gm)].map(([, number]) => number);

    expect(rows).toEqual(numbers.filter((number) => number > LAST_OF_04));
  });

  it('names each new variable in a row of a table, and no other', () => {
    const rows = SECTION.match(/^\| .*`[A-Z0-9_]+`.*$/gm) ?? [];
    const named = rows.flatMap((row) =>
      [...(row.split(' | ')[0] ?? '').matchAll(/`([A-Z0-9_]+)`/g)].map(([, name = '']) => name),
    );
    const variables = named.filter((name) => KNOWN_VARIABLES.includes(name));

    expect(variables.sort()).toEqual(
      VARIABLES.filter((name) => !VARIABLES_OF_04.includes(name)).sort(),
    );
    expect(VARIABLES_OF_04.filter((name) => !VARIABLES.includes(name))).toEqual([]);
  });
});

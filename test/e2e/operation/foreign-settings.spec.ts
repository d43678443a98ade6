import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { migrate } from '../../../src/database/migrate.js';
import { newDatabase, startTestApp } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { PgBouncer } from '../../support/pgbouncer.js';
import {
  createTestDatabase,
  startTestPostgres,
  type TestPostgres,
} from '../../support/postgres.js';
import { expectWorkRound } from '../../support/work-round.js';

/** Settings that change how statements run or how values are written, each with a value that would break one of them. */
const FOREIGN: Record<string, string> = {
  array_nulls: 'off',
  bytea_output: 'escape',
  client_encoding: 'LATIN1',
  client_min_messages: 'debug1',
  datestyle: 'SQL, DMY',
  default_transaction_deferrable: 'on',
  default_transaction_isolation: 'serializable',
  exit_on_error: 'on',
  extra_float_digits: '-15',
  idle_in_transaction_session_timeout: '1ms',
  idle_session_timeout: '300ms',
  intervalstyle: 'sql_standard',
  jit: 'on',
  jit_above_cost: '0',
  lc_messages: 'C',
  lock_timeout: '1ms',
  plan_cache_mode: 'force_generic_plan',
  row_security: 'off',
  search_path: 'foreign_schema, pg_catalog',
  standard_conforming_strings: 'off',
  statement_timeout: '200ms',
  synchronous_commit: 'off',
  timezone: 'Asia/Kathmandu',
  transform_null_equals: 'on',
};

/** These end a session of PgBouncer before the controller can begin a transaction in it. */
const NOT_BEHIND_POOLERS = new Set([
  'exit_on_error',
  'idle_in_transaction_session_timeout',
  'idle_session_timeout',
  'statement_timeout',
]);

const LEVELS: Record<string, (name: string) => string> = {
  server: () => 'ALTER SYSTEM',
  database: (database) => `ALTER DATABASE ${pg.escapeIdentifier(database)}`,
  role: () => 'ALTER ROLE CURRENT_USER',
};

describe('a server with other defaults', () => {
  let postgres: TestPostgres;

  beforeAll(async () => {
    postgres = await startTestPostgres();
  });

  afterAll(() => postgres.stop());

  async function withForeignSettings(
    level: string,
    excluded: ReadonlySet<string>,
    work: (databaseUrl: string) => Promise<void>,
  ): Promise<void> {
    const databaseUrl = await newDatabase(postgres.url);
    const statement = LEVELS[level]?.(new URL(databaseUrl).pathname.slice(1)) ?? '';
    const names = Object.keys(FOREIGN).filter((name) => !excluded.has(name));
    const reload = level === 'server' ? 'SELECT pg_reload_conf()' : 'SELECT 1';
    const admin = new pg.Client({ connectionString: databaseUrl });
    await admin.connect();
    try {
      await admin.query('CREATE SCHEMA foreign_schema; CREATE TABLE foreign_schema.tasks (id int)');
      for (const name of names) {
        const value =
          name === 'search_path' ? FOREIGN[name] : pg.escapeLiteral(FOREIGN[name] ?? '');
        await admin.query(`${statement} SET ${name} = ${value}`);
      }
      await admin.query(reload);
      await work(databaseUrl);
    } finally {
      await admin.query('SET statement_timeout = 0; SET lock_timeout = 0');
      for (const name of names) await admin.query(`${statement} RESET ${name}`);
      await admin.query(reload);
      await admin.end();
    }
  }

  it.each(Object.keys(LEVELS))('set for the %s: a task is worked on as ever', async (level) => {
    await withForeignSettings(level, new Set(), async (databaseUrl) => {
      const mesh = await startTestApp({ databaseUrl, env: { MIGRATE_ON_START: 'true' } });
      try {
        await expectWorkRound(mesh);
        const [own] = await mesh.query<Record<string, string>>(
          `SELECT current_setting('synchronous_commit') AS commit, current_setting('timezone') AS zone`,
        );
        expect(own).toEqual({ commit: 'on', zone: 'UTC' });
      } finally {
        await mesh.close();
      }
    });
  });

  it.each(['server', 'role'])(
    'set for the %s, behind PgBouncer in transaction mode',
    async (level) => {
      await withForeignSettings(level, NOT_BEHIND_POOLERS, async (databaseUrl) => {
        const bouncer = await PgBouncer.start(databaseUrl, { pool_mode: 'transaction' });
        try {
          const env = { DATABASE_DIRECT_URL: databaseUrl };
          const mesh = await startTestApp({ databaseUrl: bouncer.url(databaseUrl), env });
          try {
            await expectWorkRound(mesh);
          } finally {
            await mesh.close();
          }
        } finally {
          await bouncer.stop();
        }
      });
    },
  );

  it('finds its tables in a schema of another name', async () => {
    const databaseUrl = await createTestDatabase(postgres.url);
    const name = pg.escapeIdentifier(new URL(databaseUrl).pathname.slice(1));
    await withClient(databaseUrl, (client) =>
      client.query(`CREATE SCHEMA mesh; ALTER DATABASE ${name} SET search_path = mesh`),
    );
    await migrate(databaseUrl);
    await withClient(databaseUrl, (client) =>
      client.query(`ALTER DATABASE ${name} SET search_path = public`),
    );
    const mesh = await startTestApp({ databaseUrl });
    try {
      await expectWorkRound(mesh);
    } finally {
      await mesh.close();
    }
  });
});

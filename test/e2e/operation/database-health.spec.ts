import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { migrate } from '../../../src/database/migrate.js';
import { newSubject, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { withClient } from '../../support/catalog.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { eventually } from '../../support/eventually.js';
import { times } from '../../support/kit.js';
import {
  createTestDatabase,
  startTestPostgres,
  type TestPostgres,
} from '../../support/postgres.js';

const POOL_SIZE = 3;
/** The pool, the heartbeats, LISTEN, and one that checks which statements hang. */
const MAX_CONNECTIONS = POOL_SIZE + 3;

const BACKENDS = `
  SELECT count(*)::integer AS count FROM pg_stat_activity
   WHERE application_name LIKE 'agent-mesh-controller%'`;

describe('a database that takes no writes', () => {
  let postgres: TestPostgres;
  let controller: ControllerProcess;
  let databaseUrl: string;

  beforeEach(async () => {
    postgres = await startTestPostgres({ synchronous_commit: 'on' });
    databaseUrl = await createTestDatabase(postgres.url);
    await migrate(databaseUrl);
    controller = await ControllerProcess.start({
      databaseUrl,
      env: { DATABASE_POOL_SIZE: String(POOL_SIZE), LOG_LEVEL: 'log' },
    });
    await expectHealth(200, { status: 'healthy', database: 'connected' });
  });

  afterEach(async () => {
    await controller.stop();
    await postgres.stop();
  });

  const agent = (): Client =>
    new Client(controller.url, tokenFor('finance', newSubject('agent')), false);
  const create = () => agent().post('/sessions', { role: 'finance' });
  const admin = <T>(work: (client: pg.Client) => Promise<T>): Promise<T> =>
    withClient(postgres.url, work);

  async function expectHealth(ready: number, health: object): Promise<void> {
    // Connections that end make an instance unready for a moment, before a write shows the reason.
    const read = async () => ({
      ready: (await agent().get('/health/ready')).status,
      ...(await agent().get('/health')).body,
    });
    const expected = { ready, ...health };
    const state = await eventually(read, (value) =>
      isDeepStrictEqual({ ...value, ...expected }, value),
    );
    expect(state).toMatchObject(expected);
    expect((await agent().get('/health/live')).status).toBe(200);
  }

  async function expectLogged(line: string): Promise<void> {
    await eventually(
      () => controller.output,
      (output) => output.includes(line),
    );
    expect(controller.output).toContain(line);
  }

  async function expectRecovery(): Promise<void> {
    await expectHealth(200, { status: 'healthy', database: 'connected' });
    expect((await agent().get('/health')).body).not.toHaveProperty('database_reason');
    expect((await create()).status).toBe(201);
    await expectLogged('The database takes writes again.');
    expect(controller.output).not.toMatch(/"level":"error"|unhandled|uncaught/i);
  }

  it('read-only by default: not ready with the reason, and recovers', async () => {
    const name = pg.escapeIdentifier(new URL(databaseUrl).pathname.slice(1));
    const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'agent-mesh-controller'`;
    await admin(async (client) => {
      await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
      await client.query(terminate);
    });
    await expectHealth(503, { status: 'degraded', database_reason: 'read_only' });
    await expectLogged('The database takes no writes (read_only).');
    expect(await create()).toMatchObject({ status: 503, body: { code: 'database.unavailable' } });

    await admin((client) =>
      client.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`),
    );
    await expectRecovery();
  });

  it('a missing synchronous standby: not ready, bounded connections, and recovers', async () => {
    await admin(async (client) => {
      await client.query(`ALTER SYSTEM SET synchronous_standby_names = 'missing'`);
      await client.query('SELECT pg_reload_conf()');
    });
    const counts: number[] = [];
    const count = async (): Promise<void> => {
      const { rows } = await admin((client) => client.query<{ count: number }>(BACKENDS));
      counts.push(rows[0]?.count ?? 0);
    };
    const started = performance.now();
    while (performance.now() - started < 20_000) {
      await Promise.all([...times(6, create), count()]);
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(MAX_CONNECTIONS);
    await expectHealth(503, { status: 'degraded', database_reason: 'commits_hang' });
    await expectLogged('The database takes no writes (commits_hang).');

    await admin(async (client) => {
      await client.query('SET synchronous_commit = local');
      await client.query('ALTER SYSTEM RESET synchronous_standby_names');
      await client.query('SELECT pg_reload_conf()');
    });
    await expectRecovery();
  }, 90_000);

  it('a full disk: not ready with the reason while writes fail, and recovers', async () => {
    await withClient(databaseUrl, (client) =>
      client.query(`
        CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION fill()`),
    );
    expect(await create()).toMatchObject({ status: 503, body: { code: 'database.unavailable' } });
    await expectHealth(503, { status: 'degraded', database_reason: 'disk_full' });
    await withClient(databaseUrl, (client) => client.query('DROP TRIGGER full_disk ON sessions'));
    await expectRecovery();
  });
});

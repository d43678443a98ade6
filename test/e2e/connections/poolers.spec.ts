import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MIGRATIONS } from '../../../src/database/database-options.js';
import { lacksMigrations, migrate } from '../../../src/database/migrate.js';
import { startTestApp } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { ControllerHealth } from '../../support/controller-health.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { times } from '../../support/kit.js';
import { PgBouncer, TRACKING } from '../../support/pgbouncer.js';
import {
  createTestDatabase,
  startTestPostgres,
  type TestPostgres,
} from '../../support/postgres.js';
import { expectWorkRound } from '../../support/work-round.js';

describe('PgBouncer in transaction mode', () => {
  let postgres: TestPostgres;
  let bouncer: PgBouncer;
  let databaseUrl: string;
  let pooledUrl: string;

  beforeAll(async () => {
    postgres = await startTestPostgres({ synchronous_commit: 'on' });
    bouncer = await PgBouncer.start(postgres.url, { pool_mode: 'transaction' });
  });

  beforeEach(async () => {
    databaseUrl = await createTestDatabase(postgres.url);
    pooledUrl = bouncer.url(databaseUrl);
  });

  afterAll(async () => {
    await bouncer.stop();
    await postgres.stop();
  });

  it('applies each migration once, of two processes without a direct URL', async () => {
    const counts = await Promise.all([migrate(pooledUrl), migrate(pooledUrl)]);
    expect(counts.sort((a, b) => a - b)).toEqual([0, MIGRATIONS.length]);
    expect(await lacksMigrations(databaseUrl)).toBe(false);
    const { rows } = await withClient(databaseUrl, (client) =>
      client.query('SELECT name FROM migrations GROUP BY name HAVING count(*) > 1'),
    );
    expect(rows).toEqual([]);
  }, 60_000);

  describe('with controllers', () => {
    let controllers: ControllerProcess[];

    beforeEach(() => {
      controllers = [];
    });

    afterEach(() => Promise.all(controllers.map((controller) => controller.stop())));

    async function start(env: Record<string, string> = {}): Promise<ControllerHealth> {
      const controller = await ControllerProcess.startMain({
        DATABASE_URL: pooledUrl,
        LOG_LEVEL: 'log',
        ...env,
      });
      controllers.push(controller);
      return new ControllerHealth(controller);
    }

    it('two start at once on an empty database, poll, and detect prepared statements', async () => {
      const env = { MIGRATE_ON_START: 'true' };
      const healths = await Promise.all([start(env), start(env)]);
      for (const health of healths) {
        await health.expect(200, { status: 'healthy', notifications: 'polling' });
        await health.expectLogged('set DATABASE_DIRECT_URL to PostgreSQL itself');
        const answers = await Promise.all(times(20, () => health.createSession()));
        expect(answers.map(({ status }) => status)).toEqual(times(20, () => 201));
        health.expectNoCrash();
      }
      const isTracking = bouncer.version >= TRACKING;
      for (const { output } of controllers) {
        const lines = output.split('does not track prepared statements').length - 1;
        expect(lines > 0).toBe(!isTracking);
      }
    }, 60_000);

    it('commits that hang: not ready with the reason, bounded connections, and recovers', async () => {
      await migrate(databaseUrl);
      const health = await start({ DATABASE_DIRECT_URL: databaseUrl, DATABASE_POOL_SIZE: '3' });
      await health.expectWorking();
      await withClient(postgres.url, async (client) => {
        await client.query(`ALTER SYSTEM SET synchronous_standby_names = 'missing'`);
        await client.query('SELECT pg_reload_conf()');
      });
      const started = performance.now();
      while (performance.now() - started < 12_000) {
        const answers = await Promise.all(times(6, () => health.createSession()));
        expect(answers.filter(({ status }) => status !== 201 && status !== 503)).toEqual([]);
      }
      await health.expect(503, { status: 'degraded', database_reason: 'commits_hang' });
      const { rows } = await withClient(postgres.url, (client) =>
        client.query<{ count: number }>(
          `SELECT count(*)::integer AS count FROM pg_stat_activity WHERE wait_event = 'SyncRep'`,
        ),
      );
      // The pool and the heartbeats.
      expect(rows[0]?.count).toBeLessThanOrEqual(4);

      await withClient(postgres.url, async (client) => {
        await client.query('SET synchronous_commit = local');
        await client.query('ALTER SYSTEM RESET synchronous_standby_names');
        await client.query('SELECT pg_reload_conf()');
      });
      await health.expectWorking();
      health.expectNoCrash();
    }, 90_000);
  });

  it('a task is worked on with prepared statements, if tracked', async () => {
    await migrate(databaseUrl);
    const mesh = await startTestApp({
      databaseUrl: pooledUrl,
      env: { DATABASE_DIRECT_URL: databaseUrl },
    });
    try {
      await expectWorkRound(mesh);
    } finally {
      await mesh.close();
    }
  });
});

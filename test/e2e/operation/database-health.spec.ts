import { describe, expect } from '@jest/globals';
import pg from 'pg';
import { newDatabase } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { concurrentScenarios, type Defer } from '../../support/concurrent-scenarios.js';
import { ControllerHealth } from '../../support/controller-health.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { times } from '../../support/kit.js';
import { startTestPostgres } from '../../support/postgres.js';

const POOL_SIZE = 3;
/** The pool, the heartbeats, LISTEN, and one that checks which statements hang. */
const MAX_CONNECTIONS = POOL_SIZE + 3;

const BACKENDS = `
  SELECT count(*)::integer AS count FROM pg_stat_activity
   WHERE application_name LIKE 'agent-mesh-controller%'`;

/** A controller whose PostgreSQL is its own. */
class Place {
  private constructor(
    private readonly serverUrl: string,
    readonly databaseUrl: string,
    readonly health: ControllerHealth,
  ) {}

  static async start(defer: Defer): Promise<Place> {
    const postgres = await startTestPostgres({ synchronous_commit: 'on' });
    defer(() => postgres.stop());
    const databaseUrl = await newDatabase(postgres.url);
    const controller = await ControllerProcess.start({
      databaseUrl,
      env: { DATABASE_POOL_SIZE: String(POOL_SIZE), LOG_LEVEL: 'log' },
    });
    defer(() => controller.stop());
    const place = new Place(postgres.url, databaseUrl, new ControllerHealth(controller));
    await place.health.expect(200, { status: 'healthy', database: 'connected' });
    return place;
  }

  admin<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    return withClient(this.serverUrl, work);
  }

  async expectRecovery(): Promise<void> {
    await this.health.expectWorking();
    await this.health.expectLogged('The database takes writes again.');
    this.health.expectNoCrash();
  }
}

describe('a database that takes no writes', () => {
  const scenario = concurrentScenarios();

  scenario(
    'read-only by default: not ready with the reason, and recovers',
    async (defer) => {
      const place = await Place.start(defer);
      const name = pg.escapeIdentifier(new URL(place.databaseUrl).pathname.slice(1));
      const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'agent-mesh-controller'`;
      await place.admin(async (client) => {
        await client.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
        await client.query(terminate);
      });
      await place.health.expect(503, { status: 'degraded', database_reason: 'read_only' });
      await place.health.expectLogged('The database takes no writes (read_only).');
      expect(await place.health.createSession()).toMatchObject({
        status: 503,
        body: { code: 'database.unavailable' },
      });

      await place.admin((client) =>
        client.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`),
      );
      await place.expectRecovery();
    },
    90_000,
  );

  scenario(
    'a missing synchronous standby: not ready, bounded connections, and recovers',
    async (defer) => {
      const place = await Place.start(defer);
      await place.admin(async (client) => {
        await client.query(`ALTER SYSTEM SET synchronous_standby_names = 'missing'`);
        await client.query('SELECT pg_reload_conf()');
      });
      const counts: number[] = [];
      const count = async (): Promise<void> => {
        const { rows } = await place.admin((client) => client.query<{ count: number }>(BACKENDS));
        counts.push(rows[0]?.count ?? 0);
      };
      const started = performance.now();
      while (performance.now() - started < 20_000) {
        await Promise.all([...times(6, () => place.health.createSession()), count()]);
      }
      expect(Math.max(...counts)).toBeLessThanOrEqual(MAX_CONNECTIONS);
      await place.health.expect(503, { status: 'degraded', database_reason: 'commits_hang' });
      await place.health.expectLogged('The database takes no writes (commits_hang).');

      await place.admin(async (client) => {
        await client.query('SET synchronous_commit = local');
        await client.query('ALTER SYSTEM RESET synchronous_standby_names');
        await client.query('SELECT pg_reload_conf()');
      });
      await place.expectRecovery();
    },
    90_000,
  );

  scenario(
    'a full disk: not ready with the reason while writes fail, and recovers',
    async (defer) => {
      const place = await Place.start(defer);
      await withClient(place.databaseUrl, (client) =>
        client.query(`
          CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
          CREATE TRIGGER full_disk BEFORE INSERT ON sessions FOR EACH ROW EXECUTE FUNCTION fill()`),
      );
      expect(await place.health.createSession()).toMatchObject({
        status: 503,
        body: { code: 'database.unavailable' },
      });
      await place.health.expect(503, { status: 'degraded', database_reason: 'disk_full' });
      await withClient(place.databaseUrl, (client) =>
        client.query('DROP TRIGGER full_disk ON sessions'),
      );
      await place.expectRecovery();
    },
    90_000,
  );
});

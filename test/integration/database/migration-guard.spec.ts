import { afterEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { DataSource, type MigrationInterface, type QueryRunner } from 'typeorm';
import { MIGRATIONS } from '../../../migrations/index.js';
import { databaseOptions, migrationOptions } from '../../../src/database/database-options.js';
import { MigratingDataSource, migrate } from '../../../src/database/migrate.js';
import { startTestApp, type TestApp } from '../../support/app.js';
import { withClient } from '../../support/catalog.js';
import { until } from '../../support/eventually.js';
import { WAITS_HERE } from '../../support/lock-waits.js';
import { appliedMigrations, dropDatabases, emptyDatabase } from '../../support/migrations.js';

class SplitTasks9999999999999 implements MigrationInterface {
  readonly requiresStop = 'earlier versions write to a table that it removes';

  async up(db: QueryRunner): Promise<void> {
    await db.query('CREATE TABLE split_tasks (id integer)');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('DROP TABLE split_tasks');
  }
}

const NAME = SplitTasks9999999999999.name;
const REASON = `The migration ${NAME} requires that all instances are stopped, because earlier versions write to a table that it removes. Found: `;
const FIX = 'Stop them, migrate, and start instances of the new version.';

class LockTables9999999999998 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('LOCK TABLE audit_events');
    await db.query('LOCK TABLE approvals');
  }

  down(): Promise<void> {
    return Promise.resolve();
  }
}

const WAITING = `SELECT 1 FROM pg_locks WHERE ${WAITS_HERE} AND relation = 'approvals'::regclass`;

describe('a migration', () => {
  afterEach(dropDatabases);

  it('is applied again after a deadlock with a request', async () => {
    const url = await emptyDatabase();
    await migrate(url);
    const migrations = [...MIGRATIONS, LockTables9999999999998];
    const source = new MigratingDataSource({ ...migrationOptions(url), migrations });
    await source.initialize();
    const log = jest.spyOn(console, 'log').mockReturnValue(); // TypeORM reports the failure there, too
    try {
      await withClient(url, async (client) => {
        await client.query('BEGIN; LOCK TABLE approvals IN ACCESS SHARE MODE');
        const applied = source.runMigrations();
        await until(async () => (await client.query(WAITING)).rowCount === 1);
        // The migration waits for longer, so PostgreSQL ends the migration.
        await client.query('LOCK TABLE audit_events IN ACCESS SHARE MODE');
        await client.query('COMMIT');
        expect(await applied).toHaveLength(1);
      });
    } finally {
      log.mockRestore();
      await source.destroy();
    }
  });
});

describe('a migration that requires a stop', () => {
  const running: { close(): Promise<unknown> }[] = [];

  afterEach(async () => {
    await Promise.all(running.splice(0).map((instance) => instance.close()));
    await dropDatabases();
  });

  async function withGuard<T>(url: string, work: (source: DataSource) => Promise<T>): Promise<T> {
    const migrations = [...MIGRATIONS, SplitTasks9999999999999];
    const source = new MigratingDataSource({ ...migrationOptions(url), migrations });
    await source.initialize();
    try {
      return await work(source);
    } finally {
      await source.destroy();
    }
  }

  const apply = (url: string) => withGuard(url, (source) => source.runMigrations());
  const revert = (url: string) => withGuard(url, (source) => source.undoLastMigration());

  async function migratedDatabase(): Promise<string> {
    const url = await emptyDatabase();
    await migrate(url);
    return url;
  }

  async function startInstance(databaseUrl: string): Promise<TestApp> {
    const mesh = await startTestApp({ databaseUrl });
    running.push(mesh);
    return mesh;
  }

  it('is applied and reverted while no instance works, also by several commands at once', async () => {
    const url = await migratedDatabase();

    const applied = await Promise.all([apply(url), apply(url)]);

    expect(applied.map((list) => list.length).sort()).toEqual([0, 1]);
    await revert(url);
    expect(await appliedMigrations(url)).not.toContain(NAME);
  });

  it('is applied to an empty database, with all others', async () => {
    const url = await emptyDatabase();

    expect(await apply(url)).toHaveLength(MIGRATIONS.length + 1);
  });

  it('is refused beside an instance, whose connections the error names, and applied after its stop', async () => {
    const url = await migratedDatabase();
    const mesh = await startInstance(url);

    await expect(apply(url)).rejects.toThrow(REASON);
    await expect(apply(url)).rejects.toThrow(
      /^[^\n]*\d+ × "agent-mesh-controller" of role \w+ from 127\.0\.0\.1[^\n]*$/,
    );
    await expect(apply(url)).rejects.toThrow(FIX);
    expect(await appliedMigrations(url)).not.toContain(NAME);
    expect((await mesh.agent('finance').get('/me')).status).toBe(200);

    running.pop();
    await mesh.close();
    expect(await apply(url)).toHaveLength(1);
  });

  it('keeps the migrations before it from being applied beside an instance', async () => {
    const url = await emptyDatabase();
    const earlier = MIGRATIONS.slice(0, 12);
    const source = await new DataSource({
      ...migrationOptions(url),
      migrations: earlier,
    }).initialize();
    await source.runMigrations();
    await source.destroy();
    const old = new DataSource(databaseOptions(url, 1));
    await old.initialize();
    running.push({ close: () => old.destroy() });

    await expect(apply(url)).rejects.toThrow(REASON);
    expect(await appliedMigrations(url)).toHaveLength(earlier.length);
  });

  it('is not reverted beside an instance', async () => {
    const url = await migratedDatabase();
    await apply(url);
    await startInstance(url);

    await expect(revert(url)).rejects.toThrow(REASON);
    expect(await appliedMigrations(url)).toContain(NAME);
  });

  it('is refused to a role without privileges on the connections of others', async () => {
    const url = await migratedDatabase();
    await startInstance(url);
    const owner = new URL(url);
    await withClient(url, async (client) => {
      await client.query(`CREATE ROLE guard_owner LOGIN PASSWORD 'guard'`);
      await client.query('GRANT SELECT ON migrations, service_heartbeat TO guard_owner');
    });
    owner.username = 'guard_owner';
    owner.password = 'guard';
    try {
      await expect(apply(owner.href)).rejects.toThrow(/Found: \d+ × "agent-mesh-controller"/);
    } finally {
      await withClient(url, (client) => client.query('DROP OWNED BY guard_owner'));
      await withClient(url, (client) => client.query('DROP ROLE guard_owner'));
    }
  });

  it('is refused beside an instance whose connections have other names, by its heartbeats', async () => {
    const url = await migratedDatabase();
    const named = new URL(url);
    named.searchParams.set('application_name', 'billing');
    const mesh = await startInstance(named.href);
    await mesh.agent('finance').get('/me');

    await expect(apply(url)).rejects.toThrow(`${REASON}heartbeats of an instance. ${FIX}`);
  });

  it('is applied beside connections of other programs', async () => {
    const url = await migratedDatabase();
    const client = new pg.Client({ connectionString: url, application_name: 'psql' });
    await client.connect();
    running.push({ close: () => client.end() });

    expect(await apply(url)).toHaveLength(1);
  });
});

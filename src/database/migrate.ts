import { DataSource, type EntityManager, type Migration } from 'typeorm';
import {
  CONNECTION_NAMES,
  type ConnectionSettings,
  databaseOptions,
  MIGRATIONS,
  migrationOptions,
} from './database-options.js';
import { codeOf } from '../errors/error-text.js';
import { assertInstancesStopped, nameOf } from './migration-guard.js';
import type { DatabaseAddress } from './postgres-client.js';

/** The key of the advisory lock that an instance holds while it migrates: an arbitrary number, equal in all instances. */
export const MIGRATION_LOCK = 4_071_976_317;

const DEADLOCK = '40P01';
const MAX_ATTEMPTS = 10;

/** The migrations cannot run through the pooler. The message contains the fix. */
class PoolerError extends Error {}

/** A data source whose migrations only one process at a time applies or reverts. Other processes wait for it. */
export class MigratingDataSource extends DataSource {
  override runMigrations(
    options?: Parameters<DataSource['runMigrations']>[0],
  ): Promise<Migration[]> {
    return this.alone(async (manager) => {
      const applied = await appliedNames(manager);
      const missing = this.migrations.filter((migration) => !applied.has(nameOf(migration)));
      await assertInstancesStopped(manager, missing);
      return retryDeadlocks(() => super.runMigrations(options));
    });
  }

  override undoLastMigration(
    options?: Parameters<DataSource['undoLastMigration']>[0],
  ): Promise<void> {
    return this.alone(async (manager) => {
      const applied = await appliedNames(manager);
      const last = this.migrations.filter((migration) => applied.has(nameOf(migration))).slice(-1);
      await assertInstancesStopped(manager, last);
      return retryDeadlocks(() => super.undoLastMigration(options));
    });
  }

  /**
   * The lock belongs to a transaction of its own, so it also holds behind a pooler in transaction mode, where a session
   * belongs to several clients.
   */
  private alone<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.transaction(async (manager) => {
      await this.assertSchema(manager);
      await manager.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
      return work(manager);
    });
  }

  /** Between its transactions, TypeORM reads and creates the table of migrations by the search path of the session. */
  private async assertSchema(manager: EntityManager): Promise<void> {
    const [pinned] = await manager.query<{ schema: string }[]>('SELECT current_schema() AS schema');
    const [session] = await this.query<{ schema: string | null }[]>(
      'SELECT current_schema() AS schema',
    );
    if (pinned?.schema === session?.schema) return;
    throw new PoolerError(
      `The tables are in the schema ${pinned?.schema ?? ''}, which is not the first of the search path. Behind a pooler, migrations need DATABASE_DIRECT_URL.`,
    );
  }
}

/**
 * Applies the missing migrations and returns their number. If several instances start at once, one of them migrates and
 * the others wait.
 */
export async function migrate(
  database: string | DatabaseAddress,
  settings?: ConnectionSettings,
): Promise<number> {
  const dataSource = new MigratingDataSource(migrationOptions(database, settings));
  return using(dataSource, async () => (await dataSource.runMigrations()).length);
}

/**
 * Whether the database lacks migrations that this version requires. It only reads, whereas TypeORM's `showMigrations`
 * creates the table of migrations.
 */
export async function lacksMigrations(
  database: string | DatabaseAddress,
  settings?: ConnectionSettings,
): Promise<boolean> {
  const { extra, ...options } = databaseOptions(database, 1, settings);
  const dataSource = new DataSource({
    ...options,
    extra: { ...extra, application_name: CONNECTION_NAMES.migrations },
  });
  return using(dataSource, () =>
    dataSource.transaction(async (manager) => {
      const applied = await appliedNames(manager);
      return MIGRATIONS.some(({ name }) => !applied.has(name));
    }),
  );
}

async function appliedNames(manager: EntityManager): Promise<ReadonlySet<string>> {
  const [table] = await manager.query<{ name: string | null }[]>(
    `SELECT to_regclass('migrations') AS name`,
  );
  if (!table?.name) return new Set();
  const applied = await manager.query<{ name: string }[]>('SELECT name FROM migrations');
  return new Set(applied.map(({ name }) => name));
}

/**
 * A migration changes several tables, and requests use them in other orders. PostgreSQL ends one of two transactions that
 * wait for each other. A migration is rolled back as a whole, so it can run again.
 */
async function retryDeadlocks<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (codeOf(error) !== DEADLOCK || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

async function using<T>(dataSource: DataSource, work: () => Promise<T>): Promise<T> {
  await dataSource.initialize();
  try {
    return await work();
  } finally {
    await dataSource.destroy();
  }
}

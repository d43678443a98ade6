import { DataSource, type Migration } from 'typeorm';
import { databaseOptions, MIGRATIONS, migrationOptions } from './database-options.js';

/** The key of the advisory lock that an instance holds while it migrates: an arbitrary number, equal in all instances. */
export const MIGRATION_LOCK = 4_071_976_317;

/** A data source whose migrations only one process at a time applies or reverts. Other processes wait for it. */
export class MigratingDataSource extends DataSource {
  override runMigrations(
    options?: Parameters<DataSource['runMigrations']>[0],
  ): Promise<Migration[]> {
    return this.alone(() => super.runMigrations(options));
  }

  override undoLastMigration(
    options?: Parameters<DataSource['undoLastMigration']>[0],
  ): Promise<void> {
    return this.alone(() => super.undoLastMigration(options));
  }

  private async alone<T>(work: () => Promise<T>): Promise<T> {
    const runner = this.createQueryRunner();
    try {
      await runner.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
      const result = await work();
      await runner.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
      return result;
    } finally {
      await runner.release();
    }
  }
}

/**
 * Applies the missing migrations and returns their number. If several instances start at once, one of them migrates and
 * the others wait.
 */
export async function migrate(url: string): Promise<number> {
  const dataSource = new MigratingDataSource(migrationOptions(url));
  return using(dataSource, async () => (await dataSource.runMigrations()).length);
}

/**
 * Whether the database lacks migrations that this version requires. It only reads, whereas TypeORM's `showMigrations`
 * creates the table of migrations.
 */
export async function lacksMigrations(url: string): Promise<boolean> {
  const dataSource = new DataSource(databaseOptions(url, 1));
  return using(dataSource, async () => {
    const [table] = await dataSource.query<{ name: string | null }[]>(
      `SELECT to_regclass('migrations') AS name`,
    );
    if (!table?.name) return true;
    const applied = await dataSource.query<{ name: string }[]>('SELECT name FROM migrations');
    const names = new Set(applied.map(({ name }) => name));
    return MIGRATIONS.some(({ name }) => !names.has(name));
  });
}

async function using<T>(dataSource: DataSource, work: () => Promise<T>): Promise<T> {
  await dataSource.initialize();
  try {
    return await work();
  } finally {
    await dataSource.destroy();
  }
}

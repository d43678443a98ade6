import { DataSource, type Migration } from 'typeorm';
import { databaseOptions, MIGRATIONS, migrationOptions } from './database-options.js';

/** Any number, the same for every instance: whoever migrates holds the advisory lock of this name. */
export const MIGRATION_LOCK = 4_071_976_317;

/** A database whose migrations are applied, or taken back, by one process at a time; the others wait for it. */
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

/** Applies what is missing. Several instances may start at once: one migrates, the others wait for it. */
export async function migrate(url: string): Promise<number> {
  const dataSource = new MigratingDataSource(migrationOptions(url));
  return using(dataSource, async () => (await dataSource.runMigrations()).length);
}

/** Whether the database lacks migrations that this version needs. Only reads, unlike TypeORM's `showMigrations`. */
export async function lacksMigrations(url: string): Promise<boolean> {
  const dataSource = new DataSource(databaseOptions(url, 1));
  return using(dataSource, async () => {
    const [book] = await dataSource.query<{ name: string | null }[]>(
      `SELECT to_regclass('migrations') AS name`,
    );
    if (!book?.name) return true;
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

import { DataSource } from 'typeorm';
import { migrationOptions } from './database-options.js';

/** Any number, the same for every instance: whoever migrates holds the advisory lock of this name. */
const LOCK = 4_071_976_317;

/** Applies what is missing. Several instances may start at once: one migrates, the others wait for it. */
export async function migrate(url: string): Promise<number> {
  return withDataSource(url, async (dataSource) => {
    const runner = dataSource.createQueryRunner();
    try {
      await runner.query('SELECT pg_advisory_lock($1)', [LOCK]);
      return (await dataSource.runMigrations()).length;
    } finally {
      await runner.release();
    }
  });
}

/** Whether the database lacks migrations that this version needs. */
export async function lacksMigrations(url: string): Promise<boolean> {
  return withDataSource(url, (dataSource) => dataSource.showMigrations());
}

async function withDataSource<T>(
  url: string,
  work: (dataSource: DataSource) => Promise<T>,
): Promise<T> {
  const dataSource = await new DataSource(migrationOptions(url)).initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

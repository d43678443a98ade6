import { DataSource, type MigrationInterface } from 'typeorm';
import { MIGRATIONS } from '../../migrations/index.js';
import { migrationOptions } from '../../src/database/database-options.js';
import { ENTITIES } from '../../src/entities.js';
import { MIGRATIONS_TABLE, withClient } from './catalog.js';
import { createTestDatabase, dropTestDatabase } from './postgres.js';

export type Migrations = (new () => MigrationInterface)[];

const urls: string[] = [];

/** Creates a database without tables; {@link dropDatabases} drops it. */
export async function emptyDatabase(): Promise<string> {
  const url = await createTestDatabase(process.env.TEST_POSTGRES_URL ?? '');
  urls.push(url);
  return url;
}

export async function dropDatabases(): Promise<void> {
  await Promise.all(urls.splice(0).map(dropTestDatabase));
}

/** Works with the database as a version of the service that has only these migrations would. */
export async function withMigrations<T>(
  url: string,
  migrations: Migrations,
  work: (dataSource: DataSource) => Promise<T>,
): Promise<T> {
  const dataSource = await new DataSource({
    ...migrationOptions(url),
    migrations,
    entities: ENTITIES,
  }).initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

export function up(url: string, migrations: Migrations = MIGRATIONS): Promise<unknown> {
  return withMigrations(url, migrations, (dataSource) => dataSource.runMigrations());
}

export function downOne(url: string): Promise<void> {
  return withMigrations(url, MIGRATIONS, (dataSource) => dataSource.undoLastMigration());
}

export async function downToZero(url: string): Promise<void> {
  for (let left = MIGRATIONS.length; left > 0; left--) await downOne(url);
}

/** The names of the migrations that are applied to a database, in order. */
export async function appliedMigrations(url: string): Promise<string[]> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT name FROM ${MIGRATIONS_TABLE} ORDER BY id`,
    );
    return rows.map(({ name }) => name);
  });
}

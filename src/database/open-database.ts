import type { Environment } from '../config/environment.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { lacksMigrations, migrate } from './migrate.js';

/** A database that is up and has the schema of this version. */
export interface OpenDatabase {
  readonly url: string;
  /** Stops what was started for it. */
  close(): Promise<void>;
}

/** The database cannot be used; the message says what to do about it. */
class DatabaseNotReadyError extends Error {}

/** Opens the configured database, or starts the embedded one. */
export async function openDatabase(
  environment: Environment,
  log: (line: string) => void,
): Promise<OpenDatabase> {
  const { DATABASE_URL, DATABASE_DIRECT_URL, MIGRATE_ON_START } = environment;
  if (DATABASE_URL === undefined) return openEmbedded(environment, log);
  const directUrl = DATABASE_DIRECT_URL ?? DATABASE_URL;
  if (MIGRATE_ON_START) await migrate(directUrl);
  else if (await lacksMigrations(directUrl)) {
    throw new DatabaseNotReadyError(
      'The database lacks migrations: run `npm run migration:run`, or set MIGRATE_ON_START=true.',
    );
  }
  return { url: DATABASE_URL, close: () => Promise.resolve() };
}

async function openEmbedded(
  { DATA_DIR }: Environment,
  log: (line: string) => void,
): Promise<OpenDatabase> {
  const postgres = await startEmbeddedPostgres({ dataDir: DATA_DIR, log });
  try {
    await migrate(postgres.url);
  } catch (error) {
    await postgres.stop();
    throw error;
  }
  return { url: postgres.url, close: () => postgres.stop() };
}

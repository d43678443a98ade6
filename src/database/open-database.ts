import type { Environment } from '../config/environment.js';
import { startEmbeddedPostgres } from './embedded-postgres.js';
import { migrate } from './migrate.js';

/** The database to use. */
export interface OpenDatabase {
  readonly url: string;
  /** Stops what was started for it. */
  close(): Promise<void>;
}

/** Starts the embedded database, with the schema of this version, where no other is configured. */
export async function openDatabase(
  { DATABASE_URL, DATA_DIR }: Environment,
  log: (line: string) => void,
): Promise<OpenDatabase> {
  if (DATABASE_URL !== undefined) return { url: DATABASE_URL, close: () => Promise.resolve() };
  const postgres = await startEmbeddedPostgres({ dataDir: DATA_DIR, log });
  try {
    await migrate(postgres.url);
  } catch (error) {
    await postgres.stop();
    throw error;
  }
  return { url: postgres.url, close: () => postgres.stop() };
}

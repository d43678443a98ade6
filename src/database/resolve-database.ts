import type { Environment } from '../config/environment.js';
import { startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres.js';
import { migrate } from './migrate.js';

/** The database that the controller uses. */
export interface ResolvedDatabase {
  readonly url: string;
  /** Stops the embedded server. Does nothing for a configured database. */
  close(): Promise<void>;
}

/** Returns the configured database. Without DATABASE_URL, starts the embedded one and applies the migrations. */
export async function resolveDatabase(
  { DATABASE_URL, DATA_DIR }: Environment,
  log: (line: string) => void,
): Promise<ResolvedDatabase> {
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

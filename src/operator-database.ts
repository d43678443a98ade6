import { loadDatabaseEnvironment } from './config/load-environment.js';
import { readEmbeddedState } from './embedded-postgres/embedded-postgres.js';
import { removePgVariables } from './embedded-postgres/pg-variables.js';

/**
 * Returns the URL of the database for a command of an operator: without a pooler if `DATABASE_DIRECT_URL` is set, and
 * without any setting that of an embedded controller in `DATA_DIR`. Undefined if there is none.
 */
export function operatorDatabaseUrl(): string | undefined {
  const { DATABASE_DIRECT_URL, DATABASE_URL, DATA_DIR } = loadDatabaseEnvironment();
  const configured = DATABASE_DIRECT_URL ?? DATABASE_URL;
  if (configured === undefined) removePgVariables();
  return configured ?? readEmbeddedState(DATA_DIR)?.url;
}

export const NO_DATABASE = 'Set DATABASE_URL, or start the controller here first (npm start).';

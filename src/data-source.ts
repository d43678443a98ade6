import 'reflect-metadata';
import { loadDatabaseEnvironment } from './config/load-environment.js';
import { migrationOptions } from './database/database-options.js';
import { readEmbeddedState } from './embedded-postgres/embedded-postgres.js';
import { MigratingDataSource } from './database/migrate.js';
import { removePgVariables } from './embedded-postgres/pg-variables.js';
import { ENTITIES } from './entities.js';

/** The data source of TypeORM's command line: the configured database, or that of an embedded controller in DATA_DIR. */
export default new MigratingDataSource({
  ...migrationOptions(databaseUrl()),
  entities: ENTITIES,
});

function databaseUrl(): string {
  const { DATABASE_DIRECT_URL, DATABASE_URL, DATA_DIR } = loadDatabaseEnvironment();
  const configured = DATABASE_DIRECT_URL ?? DATABASE_URL;
  if (configured === undefined) removePgVariables();
  const url = configured ?? readEmbeddedState(DATA_DIR)?.url;
  if (url === undefined) {
    process.stderr.write('Set DATABASE_URL, or start the controller here first (npm start).\n');
    process.exit(1);
  }
  return url;
}

import 'reflect-metadata';
import { migrationOptions } from './database/database-options.js';
import { MigratingDataSource } from './database/migrate.js';
import { ENTITIES } from './entities.js';
import { NO_DATABASE, operatorDatabaseUrl } from './operator-database.js';

/** The data source of TypeORM's command line: the configured database, or that of an embedded controller in DATA_DIR. */
export default new MigratingDataSource({
  ...migrationOptions(databaseUrl()),
  entities: ENTITIES,
});

function databaseUrl(): string {
  const url = operatorDatabaseUrl();
  if (url !== undefined) return url;
  process.stderr.write(`${NO_DATABASE}\n`);
  process.exit(1);
}

import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';
import { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { PostgresServer } from './postgres-server.js';

/** Returns the connection pool of a data source; undefined before it is initialized. */
export function poolOf({ driver }: DataSource): Pool | undefined {
  return driver instanceof PostgresDriver ? (driver.master as Pool | undefined) : undefined;
}

/** Returns the state that the connections of a data source share. */
export function serverOf({ options }: DataSource): PostgresServer {
  const extra: unknown = 'extra' in options ? options.extra : undefined;
  if (typeof extra === 'object' && extra && 'server' in extra) {
    if (extra.server instanceof PostgresServer) return extra.server;
  }
  throw new Error('The data source has no options of databaseOptions.');
}

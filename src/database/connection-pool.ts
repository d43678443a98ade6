import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';
import { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';

/** Returns the connection pool of a data source; undefined before it is initialized. */
export function poolOf({ driver }: DataSource): Pool | undefined {
  return driver instanceof PostgresDriver ? (driver.master as Pool | undefined) : undefined;
}

import { DataSource } from 'typeorm';
import { type ConnectionSettings, databaseOptions } from './database-options.js';
import type { DatabaseAddress } from './postgres-client.js';

/** The single connection for heartbeats. */
export class HeartbeatDataSource extends DataSource {
  constructor(database: string | DatabaseAddress, settings?: ConnectionSettings) {
    super(databaseOptions(database, 1, settings));
  }
}

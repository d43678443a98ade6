import { DataSource } from 'typeorm';
import { databaseOptions } from './database-options.js';

/** The single connection for heartbeats. */
export class HeartbeatDataSource extends DataSource {
  constructor(url: string) {
    super(databaseOptions(url, 1));
  }
}

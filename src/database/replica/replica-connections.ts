import { DataSource } from 'typeorm';
import { databaseOptions } from '../database-options.js';
import type { DatabaseAddresses } from '../database-addresses.js';

/** The connections to the replica of DATABASE_READ_URL: a pool of their own. */
export class ReplicaConnections {
  /** Undefined if the variable is not set. */
  readonly dataSource?: DataSource;

  constructor({ replica, settings }: DatabaseAddresses, poolSize: number) {
    if (replica) this.dataSource = new DataSource(databaseOptions(replica, poolSize, settings));
  }
}

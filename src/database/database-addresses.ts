import type { Environment } from '../config/environment.js';
import type { SecretFiles } from '../config/load-environment.js';
import type { DatabaseAddress } from './postgres-client.js';
import type { ConnectionSettings } from './database-options.js';

/** Where the database is, and how connections to it are opened. */
export class DatabaseAddresses {
  /** For requests. A pooler can be in between. */
  readonly pooled: DatabaseAddress;
  /** For migrations and LISTEN. The same address if DATABASE_DIRECT_URL is not set. */
  readonly direct: DatabaseAddress;
  /** Of a replica, for lists. Undefined if DATABASE_READ_URL is not set. */
  readonly replica?: DatabaseAddress;
  readonly settings: ConnectionSettings;

  /** @param url the URL of the configured database, or of the embedded one */
  constructor(url: string, environment: Environment, files: SecretFiles) {
    const { DATABASE_DIRECT_URL, DATABASE_READ_URL, DATABASE_CONNECT_TIMEOUT_SECONDS } =
      environment;
    this.pooled = { url, variable: 'DATABASE_URL', ...fileOf(files.DATABASE_URL) };
    this.direct =
      DATABASE_DIRECT_URL === undefined
        ? this.pooled
        : {
            url: DATABASE_DIRECT_URL,
            variable: 'DATABASE_DIRECT_URL',
            ...fileOf(files.DATABASE_DIRECT_URL),
          };
    if (DATABASE_READ_URL !== undefined) {
      this.replica = {
        url: DATABASE_READ_URL,
        variable: 'DATABASE_READ_URL',
        role: 'standby',
        ...fileOf(files.DATABASE_READ_URL),
      };
    }
    this.settings = {
      connectTimeoutMs: DATABASE_CONNECT_TIMEOUT_SECONDS * 1000,
      usesPreparedStatements: environment.DATABASE_PREPARED_STATEMENTS,
    };
  }
}

function fileOf(file: string | undefined): Pick<DatabaseAddress, 'file'> {
  return file === undefined ? {} : { file };
}

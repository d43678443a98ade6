import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { MIGRATIONS } from '../../migrations/index.js';

export { MIGRATIONS };

/** Limits of every connection, in milliseconds; Postgres enforces all but the first and the last. */
const TIMEOUTS = {
  connect: 1_000,
  statement: 5_000,
  lock: 2_000,
  idleInTransaction: 10_000,
  query: 6_000,
};

/**
 * A client whose loss is never an uncaught error. A new connection that is ended at once tells so in the same packet
 * in which it says that it is ready, before the pool, or whoever takes it, has begun to listen.
 */
class SturdyClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}

/** The one way in which the application, its migrations and its tests connect. */
export function databaseOptions(url: string, poolSize = 10) {
  return {
    type: 'postgres',
    url,
    poolSize,
    applicationName: 'agent-mesh-controller',
    connectTimeoutMS: TIMEOUTS.connect,
    extra: {
      Client: SturdyClient,
      statement_timeout: TIMEOUTS.statement,
      lock_timeout: TIMEOUTS.lock,
      idle_in_transaction_session_timeout: TIMEOUTS.idleInTransaction,
      query_timeout: TIMEOUTS.query,
    },
    installExtensions: false,
    synchronize: false,
    migrations: MIGRATIONS,
    migrationsTransactionMode: 'each',
    logging: false,
  } as const satisfies DataSourceOptions;
}

/** The same for migrations, which may take as long as they need, on a connection of their own. */
export function migrationOptions(url: string) {
  return {
    ...databaseOptions(url, 2),
    extra: {
      Client: SturdyClient,
      keepAlive: true,
      keepAliveInitialDelayMillis: TIMEOUTS.idleInTransaction,
    },
  };
}

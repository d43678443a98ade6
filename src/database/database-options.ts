import type { Client } from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { MIGRATIONS } from '../../migrations/index.js';

export { MIGRATIONS };

/**
 * Limits of every connection in milliseconds. PostgreSQL enforces all except `connect` and `query`. A request waits less
 * than `connect`: on a busy machine, opening a connection must not be interrupted again and again.
 */
const TIMEOUTS = {
  connect: 5_000,
  statement: 5_000,
  lock: 2_000,
  idleInTransaction: 10_000,
  query: 6_000,
};

/** Connection options of the application and its tests. */
export function databaseOptions(url: string, poolSize = 10) {
  return {
    type: 'postgres',
    url,
    poolSize,
    applicationName: 'agent-mesh-controller',
    connectTimeoutMS: TIMEOUTS.connect,
    extra: {
      statement_timeout: TIMEOUTS.statement,
      lock_timeout: TIMEOUTS.lock,
      idle_in_transaction_session_timeout: TIMEOUTS.idleInTransaction,
      query_timeout: TIMEOUTS.query,
      onConnect: outliveLoss,
    },
    installExtensions: false,
    synchronize: false,
    migrations: MIGRATIONS,
    migrationsTransactionMode: 'each',
    logging: false,
  } as const satisfies DataSourceOptions;
}

/** Connection options of migrations: a separate pool without timeouts for statements and locks. */
export function migrationOptions(url: string) {
  return {
    ...databaseOptions(url, 2),
    extra: {
      keepAlive: true,
      keepAliveInitialDelayMillis: TIMEOUTS.idleInTransaction,
      onConnect: outliveLoss,
    },
  };
}

/**
 * Keeps the process running if a connection is lost. The pool removes its error listener when it hands out a
 * connection, and TypeORM adds its own a little later. If PostgreSQL closes the connection in between, its `error` event
 * would have no listener. The next statement on the connection fails with its own error.
 */
function outliveLoss(client: Client): void {
  client.on('error', () => undefined);
}

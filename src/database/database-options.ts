import type { Client } from 'pg';
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

/** The one way in which the application, its migrations and its tests connect. */
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

/** The same for migrations, which may take as long as they need, on a connection of their own. */
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
 * Keeps the loss of a connection from ending the process. A pool stops listening for errors when it hands a connection
 * out, and TypeORM begins a little later: one that Postgres ends in between would have nobody who listens. What is sent
 * on it then fails by itself.
 */
function outliveLoss(client: Client): void {
  client.on('error', () => undefined);
}

import type { DataSourceOptions } from 'typeorm';
import { MIGRATIONS } from '../../migrations/index.js';
import { parsePostgresUrl } from '../config/postgres-url.js';
import { type DatabaseAddress, PostgresClient } from './postgres-client.js';
import { TransactionPins } from './transaction-pins.js';
import { PostgresServer } from './postgres-server.js';

export { MIGRATIONS };

/** Names of the connections of a working instance. Those of migrations have another name. */
export const CONNECTION_NAMES = {
  pool: 'agent-mesh-controller',
  notifications: 'agent-mesh-controller notification signals',
  /** Of the connection for notifications of the previous release: one for each instance. */
  previousRelease: 'agent-mesh-controller signals',
  migrations: 'agent-mesh-controller migrations',
} as const;

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

/** Settings of connections that have a variable. */
export interface ConnectionSettings {
  /** Milliseconds that opening a connection may take. `connect_timeout` in the URL overrides it. */
  readonly connectTimeoutMs?: number;
  readonly usesPreparedStatements?: boolean;
}

/** A database URL as an address that does not change. */
function addressOf(database: string | DatabaseAddress): DatabaseAddress {
  return typeof database === 'string' ? { url: database, variable: 'DATABASE_URL' } : database;
}

/** Options of one {@link PostgresClient}, or of a pool of them. */
export function clientOptions(
  database: string | DatabaseAddress,
  { connectTimeoutMs = TIMEOUTS.connect, usesPreparedStatements = true }: ConnectionSettings = {},
) {
  const address = addressOf(database);
  return {
    address,
    server: new PostgresServer(),
    usesPreparedStatements,
    application_name: CONNECTION_NAMES.pool,
    connectionTimeoutMillis:
      parsePostgresUrl(address.url, address.role).connectTimeoutMs ?? connectTimeoutMs,
    statement_timeout: TIMEOUTS.statement,
    lock_timeout: TIMEOUTS.lock,
    idle_in_transaction_session_timeout: TIMEOUTS.idleInTransaction,
    query_timeout: TIMEOUTS.query,
  };
}

/** Options of the data source of the application and its tests. */
export function databaseOptions(
  database: string | DatabaseAddress,
  poolSize = 10,
  settings: ConnectionSettings = {},
) {
  return {
    type: 'postgres',
    poolSize,
    extra: { Client: PostgresClient, ...clientOptions(database, settings) },
    installExtensions: false,
    synchronize: false,
    subscribers: [TransactionPins],
    migrations: MIGRATIONS,
    migrationsTransactionMode: 'each',
    logging: false,
  } as const satisfies DataSourceOptions;
}

/** Connection options of migrations: a separate pool without timeouts for statements and locks. */
export function migrationOptions(
  database: string | DatabaseAddress,
  settings: ConnectionSettings = {},
) {
  const options = databaseOptions(database, 2, { ...settings, usesPreparedStatements: false });
  return {
    ...options,
    extra: {
      ...options.extra,
      application_name: CONNECTION_NAMES.migrations,
      statement_timeout: undefined,
      lock_timeout: undefined,
      idle_in_transaction_session_timeout: undefined,
      query_timeout: undefined,
    },
  };
}

import { types } from 'node:util';
import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { DomainError, UnavailableError } from '../errors/domain-error.js';
import { ConnectError } from './connect-error.js';

/** Category of an error from PostgreSQL or from the connection to it: it decides how the request continues. */
export type PostgresErrorClass = 'again' | 'unavailable' | 'bad_input' | 'bug';

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const RETRYABLE = new Set(['40001', '40P01']); // serialization_failure, deadlock_detected
const UNAVAILABLE = new Set([
  '3D000', // invalid_catalog_name: not created yet, or being restored under another name
  '55P03', // lock_not_available
  '25006', // read_only_sql_transaction: a standby after a failover
  '25P03', // idle_in_transaction_session_timeout: this process was blocked for too long
  '25P04', // transaction_timeout
]);
// Connection, login (a changed password), resources, operator intervention and cancelled statements.
const UNAVAILABLE_CLASSES = new Set(['08', '28', '53', '57']);
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/; // contains a digit, unlike EPIPE

/** Another transaction changed the rows first. The transaction is retried, and reads the new state. */
export class ConcurrentUpdateError extends Error {
  constructor(cause?: Error) {
    super('another transaction changed the rows first', { cause });
  }
}

/** Classifies an error by its SQLSTATE. A driver error without one means that the connection is lost. */
export function classify(error: unknown): PostgresErrorClass {
  if (error instanceof ConcurrentUpdateError) return 'again';
  const source: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (!types.isNativeError(source)) return 'bug';
  if (source instanceof ConnectError) return 'unavailable';
  const code = 'code' in source && typeof source.code === 'string' ? source.code : undefined;
  if (code === undefined) return isDriverError(error, source) ? 'unavailable' : 'bug';
  if (!SQLSTATE.test(code)) return isSocketError(code) ? 'unavailable' : 'bug';
  if (RETRYABLE.has(code) || isStalePreparedStatement(error)) return 'again';
  if (UNAVAILABLE.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2))) return 'unavailable';
  return code.startsWith('22') ? 'bad_input' : 'bug';
}

/**
 * Whether the result type of a prepared statement has changed, for example by a migration, so that the statement must be
 * prepared again. The error has no SQLSTATE of its own; drivers identify it by the routine that raises it.
 */
export function isStalePreparedStatement(error: unknown): boolean {
  const source: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return (
    source instanceof pg.DatabaseError &&
    source.code === '0A000' &&
    source.routine === 'RevalidateCachedQuery'
  );
}

/** Whether the server did not answer a statement in time. It may still work on it. */
export function isReadTimeout(error: unknown): boolean {
  const source: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return types.isNativeError(source) && source.message === 'Query read timeout';
}

/** Whether the connection is broken and must not return to the pool. */
export function isConnectionLost(error: unknown): boolean {
  const source: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (!types.isNativeError(source)) return false;
  const code = 'code' in source && typeof source.code === 'string' ? source.code : '';
  if (code === '57014' || code === '55P03') return false;
  return classify(error) === 'unavailable';
}

/**
 * Converts a database error into the error of the response: outages become 503, values that PostgreSQL cannot store
 * become 400. Domain errors and bugs are unchanged.
 */
export function translate(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  switch (classify(error)) {
    case 'again':
    case 'unavailable':
      return new UnavailableError(
        'database.unavailable',
        'The database is unavailable; retry the request.',
        error,
      );
    case 'bad_input':
      return new DomainError('request.invalid', 'A value cannot be stored.', { cause: error });
    case 'bug':
      return error;
  }
}

// pg throws plain Errors when a connection ends, times out or is refused by the pool. TypeORM releases the query runner
// of a connection that ends between two statements, and rejects the next statement.
const DRIVER_MESSAGES =
  /connection terminated|connection error|timeout|not queryable|client was closed|connection ended|cannot use a pool|server closed|query runner already released/i;

function isDriverError(error: unknown, source: Error): boolean {
  return error instanceof QueryFailedError || DRIVER_MESSAGES.test(source.message);
}

function isSocketError(code: string): boolean {
  return /^E[A-Z_]+$/.test(code) && !code.startsWith('ERR_');
}

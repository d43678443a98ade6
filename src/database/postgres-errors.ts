import { types } from 'node:util';
import pg from 'pg';
import { QueryFailedError } from 'typeorm';
import { DomainError, UnavailableError } from '../errors/domain-error.js';

/** What an error that Postgres, or the connection to it, raised means for the request. */
export type PostgresVerdict = 'again' | 'unavailable' | 'bad_input' | 'bug';

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const AGAIN = new Set(['40001', '40P01']); // serialization_failure, deadlock_detected
const UNAVAILABLE = new Set([
  '3D000', // invalid_catalog_name: not made yet, or being restored under another name
  '55P03', // lock_not_available
  '25006', // read_only_sql_transaction: a standby after a failover
  '25P03', // idle_in_transaction_session_timeout: this process stood still for too long
  '25P04', // transaction_timeout
]);
// Connection, login (a password that was changed), resources, operator intervention and cancelled statements.
const UNAVAILABLE_CLASSES = new Set(['08', '28', '53', '57']);
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/; // with a digit, unlike EPIPE

/** A statement found that somebody else was first; run again, the work finds so in time. */
export class LostRace extends Error {
  constructor(cause?: Error) {
    super('somebody else was first', { cause });
  }
}

/** Classifies an error by its SQLSTATE; an error of the driver without one means that the connection is gone. */
export function verdictOf(error: unknown): PostgresVerdict {
  if (error instanceof LostRace) return 'again';
  const source: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (!types.isNativeError(source)) return 'bug';
  const code = 'code' in source && typeof source.code === 'string' ? source.code : undefined;
  if (code === undefined) return isDriverError(error, source) ? 'unavailable' : 'bug';
  if (!SQLSTATE.test(code)) return isSocketError(code) ? 'unavailable' : 'bug';
  if (AGAIN.has(code) || answersOtherwise(error)) return 'again';
  if (UNAVAILABLE.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2))) return 'unavailable';
  return code.startsWith('22') ? 'bad_input' : 'bug';
}

/**
 * Whether a migration has changed what a prepared statement answers, so that it has to be prepared anew. It has no
 * SQLSTATE of its own; drivers know it by the routine that raises it.
 */
export function answersOtherwise(error: unknown): boolean {
  const source: unknown = error instanceof QueryFailedError ? error.driverError : error;
  return (
    source instanceof pg.DatabaseError &&
    source.code === '0A000' &&
    source.routine === 'RevalidateCachedQuery'
  );
}

/** Whether the connection can no longer be trusted and must not return to the pool. */
export function losesConnection(error: unknown): boolean {
  const source: unknown = error instanceof QueryFailedError ? error.driverError : error;
  if (!types.isNativeError(source)) return false;
  const code = 'code' in source && typeof source.code === 'string' ? source.code : '';
  if (code === '57014' || code === '55P03') return false;
  return verdictOf(error) === 'unavailable';
}

/** The error to answer with: refusals of ours as they are, outages as 503, values Postgres cannot store as 400, the rest as it is. */
export function translate(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  switch (verdictOf(error)) {
    case 'again':
    case 'unavailable':
      return new UnavailableError(
        'database.unavailable',
        'The database cannot answer now; send the request again.',
        error,
      );
    case 'bad_input':
      return new DomainError('request.invalid', 'A value cannot be stored.', { cause: error });
    case 'bug':
      return error;
  }
}

// pg raises plain Errors when a connection ends, times out or is refused by the pool. TypeORM gives up the query runner
// of a connection that ends between two statements, and then refuses the next one.
const DRIVER_MESSAGES =
  /connection terminated|connection error|timeout|not queryable|client was closed|connection ended|cannot use a pool|server closed|query runner already released/i;

function isDriverError(error: unknown, source: Error): boolean {
  return error instanceof QueryFailedError || DRIVER_MESSAGES.test(source.message);
}

function isSocketError(code: string): boolean {
  return /^E[A-Z_]+$/.test(code) && !code.startsWith('ERR_');
}

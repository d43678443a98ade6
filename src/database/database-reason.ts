import { QueryFailedError } from 'typeorm';
import { codeOf } from '../errors/error-text.js';
import { ConnectError } from './connect-error.js';

/** Why the database cannot serve requests. */
export const DATABASE_REASONS = [
  'unreachable',
  'login_failed',
  'tls_failed',
  'database_missing',
  'url_invalid',
  'too_many_connections',
  'pool_exhausted',
  'read_only',
  'disk_full',
  'commits_hang',
  'writes_fail',
] as const;

export type DatabaseReason = (typeof DATABASE_REASONS)[number];

// https://www.postgresql.org/docs/current/errcodes-appendix.html
const REASONS: Readonly<Record<string, DatabaseReason>> = {
  '25006': 'read_only', // read_only_sql_transaction
  '28000': 'login_failed', // invalid_authorization_specification
  '28P01': 'login_failed', // invalid_password
  '3D000': 'database_missing', // invalid_catalog_name
  '53100': 'disk_full', // disk_full
  '53300': 'too_many_connections', // too_many_connections
};

/** Returns the reason that an error or one of its causes shows; undefined if none does. */
export function databaseReasonOf(error: unknown): DatabaseReason | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof ConnectError && error.reason) return error.reason;
  const reason = REASONS[codeOf(error) ?? ''];
  if (reason) return reason;
  return databaseReasonOf(error instanceof QueryFailedError ? error.driverError : error.cause);
}

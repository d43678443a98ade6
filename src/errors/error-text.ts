import { types } from 'node:util';
import { oneLine } from '../common/one-line.js';

/** Returns a hint for the operator, if there is one for the error code, and the message of the error, on one line. */
export function explainError(error: unknown): string {
  const code = codeOf(error);
  const hint = code === undefined ? undefined : HINTS[code];
  return [hint, messageOf(error)].filter(Boolean).join(' ');
}

const HINTS: Record<string, string> = {
  EADDRINUSE: 'The port is already in use; set PORT to another.',
  EACCES: 'This user may not use the port or a folder.',
  ECONNREFUSED: 'The database does not respond; check DATABASE_URL.',
  ENOTFOUND: 'The host of the database cannot be resolved; check DATABASE_URL.',
  ETIMEDOUT: 'The database does not respond; check DATABASE_URL.',
  '28P01': 'The database refuses the password; check DATABASE_URL.',
  '28000': 'The database refuses the user; check DATABASE_URL.',
  '3D000': 'The database named in DATABASE_URL does not exist.',
  '42501': 'The database user lacks a privilege.',
};

/** Returns the code of a system or database error, if it has one. For an AggregateError, uses its first error. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return types.isNativeError(error) && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** Returns only the stack, because other members of an SQL error contain parameters from the input. */
export function stackOf(error: unknown): string {
  return types.isNativeError(error) ? (error.stack ?? error.message) : String(error);
}

/** Returns the message of an error on one line. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return messageOf(error.errors[0]);
  const message = types.isNativeError(error) ? error.message : String(error);
  return oneLine(message.replace(/\s*\n\s*/g, ' '));
}

import { oneLine } from '../common/one-line.js';

/** What went wrong underneath and what to do about it, as one line for whoever runs the service. */
export function explain(error: unknown): string {
  const code = codeOf(error);
  const hint = code === undefined ? undefined : HINTS[code];
  return [hint, messageOf(error)].filter(Boolean).join(' ');
}

const HINTS: Record<string, string> = {
  EADDRINUSE: 'The port is taken; set PORT to another.',
  EACCES: 'The port or a folder is not for this user.',
  ECONNREFUSED: 'The database does not answer; check DATABASE_URL.',
  ENOTFOUND: 'The database’s host is not known; check DATABASE_URL.',
  ETIMEDOUT: 'The database does not answer; check DATABASE_URL.',
  '28P01': 'The database refuses the password; check DATABASE_URL.',
  '28000': 'The database refuses the user; check DATABASE_URL.',
  '3D000': 'The database named in DATABASE_URL does not exist.',
  '42501': 'The database user may not do this.',
};

/** The code of an error of the system or the database, if it has one; of several, that of the first. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** What an error says, on one line. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return messageOf(error.errors[0]);
  const message = error instanceof Error ? error.message : String(error);
  return oneLine(message.replace(/\s*\n\s*/g, ' '));
}

import type { ServerResponse } from 'node:http';
import { DomainError } from '../errors/domain-error.js';

/** The entity tag of a session's present version (RFC 9110 §8.8.3). */
export function etagOf({ id, version }: { id: string; version: number }): string {
  return `"${id}.${version}"`;
}

/**
 * Gives an answer that is one session its entity tag. Not an interceptor, each of which costs a request more than the
 * tag does.
 */
export function tagged<S extends { id: string; version: number }>(
  response: ServerResponse,
  session: S,
): S {
  response.setHeader('ETag', etagOf(session));
  return session;
}

/**
 * Refuses a write whose `If-Match` names another version than the present one (RFC 9110 §13.1.1).
 *
 * @throws DomainError `session.version_mismatch`, which tells the present tag
 */
export function assertMatches(
  ifMatch: string | undefined,
  session: { id: string; version: number },
): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (tags.includes(etagOf(session))) return;
  throw new DomainError(
    'session.version_mismatch',
    'The session has changed since; read it again and decide anew.',
    { headers: { ETag: etagOf(session) } },
  );
}

/**
 * Whether `If-None-Match` is given and names another version than the present one (RFC 9110 §13.1.2). The comparison is
 * weak, and `*` matches every version.
 */
export function matchesNone(
  ifNoneMatch: string | undefined,
  session: { id: string; version: number },
): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch.trim() === '*') return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return !tags.includes(etagOf(session));
}

import type { ServerResponse } from 'node:http';
import { DomainError } from '../errors/domain-error.js';
import type { ErrorCode } from '../errors/error-codes.js';

/** Returns the entity tag of the present version of a resource (RFC 9110 §8.8.3). */
export function etagOf({ id, version }: { id: string; version: number }): string {
  return `"${id}.${version}"`;
}

/**
 * Sets the header `ETag` of a response whose body is one resource, and returns the resource. A function, because an
 * interceptor would cost each request more than the header does.
 */
export function withETag<S extends { id: string; version: number }>(
  response: ServerResponse,
  session: S,
): S {
  response.setHeader('ETag', etagOf(session));
  return session;
}

/**
 * Asserts that `If-Match`, if present, matches the present version of a resource (RFC 9110 §13.1.1).
 *
 * @throws DomainError with the code, and the present entity tag in the header `ETag`
 */
export function assertVersion(
  ifMatch: string | undefined,
  resource: { id: string; version: number },
  code: ErrorCode,
): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (tags.includes(etagOf(resource))) return;
  throw new DomainError(
    code,
    'If-Match does not match the present version. Read the resource again and repeat the change with its new ETag.',
    { headers: { ETag: etagOf(resource) } },
  );
}

/**
 * Whether `If-None-Match` is present and does not match the present version of a resource (RFC 9110 §13.1.2). The
 * comparison is weak. `*` matches every version.
 */
export function matchesNone(
  ifNoneMatch: string | undefined,
  session: { id: string; version: number },
): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch.trim() === '*') return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return !tags.includes(etagOf(session));
}

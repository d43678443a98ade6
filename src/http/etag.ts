import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { DomainError } from '../errors/domain-error.js';
import type { ErrorCode } from '../errors/error-codes.js';

/** Returns the entity tag of the present version of a resource (RFC 9110 §8.8.3). */
export function etagOf({ id, version }: { id: string; version: number }): string {
  return `"${id}.${version}"`;
}

/**
 * Returns the entity tag of a resource without a version: a digest of the members that `state` contains. It is weak, because
 * it does not change with the others (RFC 9110 §8.8.1).
 */
export function weakEtagOf(state: unknown): string {
  return `W/"${createHash('sha256').update(JSON.stringify(state)).digest('base64url').slice(0, 22)}"`;
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
 * Whether `If-None-Match` is present and does not match an entity tag (RFC 9110 §13.1.2). The comparison is weak. `*`
 * matches every tag.
 */
export function matchesNone(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined || ifNoneMatch.trim() === '*') return false;
  return !ifNoneMatch.split(',').map(opaqueTagOf).includes(opaqueTagOf(etag));
}

function opaqueTagOf(tag: string): string {
  return tag.trim().replace(/^W\//, '');
}

/** A resource that a client has read before, perhaps at this very version. */
export interface Revalidated<T> {
  value: T;
  etag: string;
  /** Whether `If-None-Match` names this version. */
  isNotModified: boolean;
}

/** Sets the header `ETag` of a response. Returns the resource, or sets the status 304. */
export function withRevalidation<T>(
  response: ServerResponse,
  { value, etag, isNotModified }: Revalidated<T>,
): T | undefined {
  response.setHeader('ETag', etag);
  if (!isNotModified) return value;
  response.statusCode = 304;
  return undefined;
}

import { assertVersion } from '../http/etag.js';

export { etagOf, matchesNone, type Revalidated, withETag, withRevalidation } from '../http/etag.js';

/**
 * Asserts that `If-Match`, if present, matches the present version of a session (RFC 9110 §13.1.1).
 *
 * @throws DomainError `session.version_mismatch`, with the present entity tag in the header `ETag`
 */
export function assertMatches(
  ifMatch: string | undefined,
  session: { id: string; version: number },
): void {
  assertVersion(ifMatch, session, 'session.version_mismatch');
}

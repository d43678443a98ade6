import { findCanonicalDigest, structuralDigest } from '../common/json-digest.js';
import { canonicalDigest } from '../http/canonical-json.js';
import { reportsFailure } from '../http/failure-report.js';

/**
 * Returns the fingerprint of a request: the digest of its parsed body and query. An absent body or query counts as `null`.
 *
 * @throws InvalidInputError if the body has no canonical form; see {@link canonicalDigest}
 */
export function fingerprint(body: unknown, query: unknown): Buffer {
  const sent = { body: body ?? null, query: query ?? null };
  return reportsFailure(body) ? failureFingerprint(sent) : canonicalDigest(sent);
}

/** The fingerprint of a failure report, which is never refused, also if it has no canonical form. */
function failureFingerprint(sent: { body: unknown; query: unknown }): Buffer {
  return findCanonicalDigest(sent) ?? structuralDigest(sent);
}

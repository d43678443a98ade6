import { canonicalDigest } from '../http/canonical-json.js';

/**
 * What a request asks for: the digest of its parsed body and query. An absent body or query counts as `null`.
 *
 * @throws InvalidInputError when the body has no canonical form; see {@link canonicalDigest}
 */
export function fingerprint(body: unknown, query: unknown): Buffer {
  return canonicalDigest({ body: body ?? null, query: query ?? null });
}

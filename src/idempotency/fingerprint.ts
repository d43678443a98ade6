import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { InvalidInputError } from '../errors/domain-error.js';

/**
 * What a request asks for, as the SHA-256 of its parsed body and query in the canonical JSON of RFC 8785: the order of
 * keys, white space and the way a number is written make no difference. An absent body or query counts as `null`.
 *
 * @throws InvalidInputError when the body has no canonical form: RFC 8785 takes only the JSON of RFC 7493, where text
 * is Unicode (no lone surrogates) and numbers fit a double (`1e400` does not).
 */
export function fingerprint(body: unknown, query: unknown): Buffer {
  return createHash('sha256')
    .update(canonicalJson({ body: body ?? null, query: query ?? null }))
    .digest();
}

function canonicalJson(value: object): string {
  try {
    return canonicalize(value) ?? '';
  } catch {
    throw new InvalidInputError([
      {
        pointer: '',
        message: 'the body holds a number or a text that JSON cannot carry safely (RFC 7493)',
      },
    ]);
  }
}

import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { InvalidInputError } from '../errors/domain-error.js';

/**
 * Returns the SHA-256 of a value in canonical JSON (RFC 8785). The order of members, white space and the notation of
 * numbers do not affect it.
 *
 * @throws InvalidInputError if the value has no canonical form. RFC 8785 requires I-JSON (RFC 7493): no lone surrogates,
 * and numbers that fit a double (`1e400` does not)
 */
export function canonicalDigest(value: object): Buffer {
  return hash('sha256', canonicalJson(value), 'buffer');
}

function canonicalJson(value: object): string {
  try {
    return canonicalize(value) ?? '';
  } catch {
    throw new InvalidInputError([
      {
        pointer: '',
        message: 'The body contains a number or a string that I-JSON (RFC 7493) does not allow',
      },
    ]);
  }
}

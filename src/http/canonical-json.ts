import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { InvalidInputError } from '../errors/domain-error.js';

/**
 * The SHA-256 of a value in the canonical JSON of RFC 8785: the order of members, white space and the way a number is
 * written make no difference.
 *
 * @throws InvalidInputError when the value has no canonical form: RFC 8785 takes only the JSON of RFC 7493, where text
 * is Unicode (no lone surrogates) and numbers fit a double (`1e400` does not).
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
        message: 'the body holds a number or a text that JSON cannot carry safely (RFC 7493)',
      },
    ]);
  }
}

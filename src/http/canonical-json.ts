import { findCanonicalDigest } from '../common/json-digest.js';
import { InvalidInputError } from '../errors/domain-error.js';

/**
 * Returns the SHA-256 of a member of a body in canonical JSON (RFC 8785).
 *
 * @throws InvalidInputError if the value has no canonical form; see {@link findCanonicalDigest}
 */
export function canonicalDigest(value: object): Buffer {
  const digest = findCanonicalDigest(value);
  if (digest) return digest;
  throw new InvalidInputError([
    {
      pointer: '',
      message: 'The body contains a number or a string that I-JSON (RFC 7493) does not allow',
    },
  ]);
}

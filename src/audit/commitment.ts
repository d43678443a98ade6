import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** Characters of the salt of one part: 132 bits. */
const SALT_LENGTH = 22;

/**
 * Returns the commitment of one part of an audit event: the digest of its disclosure (RFC 9901 section 4.2), in base64url.
 * A reader of the digest cannot guess the value without the salt of the event. The salt of a part is derived from that of
 * the event, so that a disclosure opens no other part.
 *
 * @param salt the salt of the event, a UUID
 * @param name the name of the part
 * @param value any JSON value. The order of its members does not affect the digest (RFC 8785).
 */
export function commitment(salt: string, name: string, value: unknown): string {
  const bytes = Buffer.from(salt.replaceAll('-', '') + Buffer.from(name).toString('hex'), 'hex');
  const partSalt = hash('sha256', bytes, 'base64url').slice(0, SALT_LENGTH);
  const disclosure = Buffer.from(canonicalize([partSalt, name, value]) ?? '').toString('base64url');
  return hash('sha256', disclosure, 'base64url');
}

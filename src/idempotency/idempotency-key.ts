import { InvalidInputError } from '../errors/domain-error.js';

const MAX_LENGTH = 255;
const VISIBLE_ASCII = /^[\x21-\x7e]*$/;
// https://www.rfc-editor.org/rfc/rfc8941#section-3.3.3
const QUOTED_STRING = /^"((?:[^"\\]|\\["\\])*)"$/;

/**
 * Parses the header `Idempotency-Key`; undefined without the header.
 *
 * Accepts a bare value or a quoted string of RFC 8941 without parameters: `abc` and `"abc"` are the same key.
 *
 * @throws InvalidInputError if the header was sent twice, or the key is empty, longer than 255 characters, or contains a
 * comma or anything but visible ASCII
 */
export function parseIdempotencyKey(
  raw: string | readonly string[] | undefined,
): string | undefined {
  if (raw === undefined) return undefined;
  if (typeof raw !== 'string') throw refusal('must be sent once');
  const key = raw.includes('"') ? unquote(raw) : raw;
  if (key === '') throw refusal('must not be empty');
  if (key.length > MAX_LENGTH) throw refusal(`must have at most ${MAX_LENGTH} characters`);
  // Node joins a header that was sent twice with a comma.
  if (key.includes(',')) throw refusal('must be sent once and must not contain a comma');
  if (!VISIBLE_ASCII.test(key))
    throw refusal('must contain only visible ASCII characters, without spaces');
  return key;
}

function unquote(raw: string): string {
  const content = QUOTED_STRING.exec(raw)?.[1];
  if (content === undefined) throw refusal('must be one quoted string, or must not contain quotes');
  return content.replaceAll(/\\(["\\])/g, '$1');
}

function refusal(rule: string): InvalidInputError {
  return new InvalidInputError([
    { pointer: 'Idempotency-Key', message: `Idempotency-Key ${rule}` },
  ]);
}

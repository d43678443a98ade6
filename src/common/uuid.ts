/** A UUID of any version in its text form, 8-4-4-4-12 (RFC 9562 section 4), as part of a regular expression. */
export const UUID_PATTERN =
  '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}';

/** Matches a text that is a UUID. */
export const UUID = new RegExp(`^${UUID_PATTERN}$`);

/** Returns a UUID in lower case; undefined if the text is not a UUID. */
export function parseUuid(text: string): string | undefined {
  return UUID.test(text) ? text.toLowerCase() : undefined;
}

/** Returns the UUID that 32 hexadecimal digits represent, in lower case. */
export function uuidFromHex(digits: string): string {
  return digits.toLowerCase().replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

import { hash } from 'node:crypto';

/** Returns the SHA-256 of bytes, or of the UTF-8 of a text. */
export function sha256(data: Uint8Array | string): Buffer {
  return hash('sha256', data, 'buffer');
}

/**
 * Decodes canonical base64 (RFC 4648, section 4, with padding). A lenient decoder ignores flipped bits in padding and in
 * unused bits, so a changed file would verify.
 *
 * @throws FormatError if the text is not the only encoding of its bytes
 */
export function decodeBase64(text: string): Buffer {
  return decode(text, 'base64');
}

/**
 * Decodes canonical base64url (RFC 4648, section 5, without padding).
 *
 * @throws FormatError if the text is not the only encoding of its bytes
 */
export function decodeBase64Url(text: string): Buffer {
  return decode(text, 'base64url');
}

function decode(text: string, encoding: 'base64' | 'base64url'): Buffer {
  const bytes = Buffer.from(text, encoding);
  if (bytes.toString(encoding) !== text) throw new FormatError(`not canonical ${encoding}`);
  return bytes;
}

/**
 * Decodes UTF-8.
 *
 * @throws FormatError if the bytes are not valid UTF-8
 */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    // A byte order mark stays in the text, where no format allows it.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatError('not valid UTF-8');
  }
}

/**
 * Parses a decimal number without sign and leading zeros, up to 2^53 - 1.
 *
 * @throws FormatError for any other text
 */
export function parseDecimal(text: string): number {
  const value = Number(text);
  if (!/^(0|[1-9]\d{0,15})$/.test(text) || !Number.isSafeInteger(value)) {
    throw new FormatError('not a decimal number without leading zeros');
  }
  return value;
}

/** A file or value that is not in the format that it must have. */
export class FormatError extends Error {
  override name = 'FormatError';
}

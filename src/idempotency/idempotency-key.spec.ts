import { describe, expect, it } from '@jest/globals';
import { InvalidInputError } from '../errors/domain-error.js';
import { parseIdempotencyKey } from './idempotency-key.js';
import { patient } from '../../test/support/patience.js';

describe('parseIdempotencyKey', () => {
  it('knows of no key without the header', () => {
    expect(parseIdempotencyKey(undefined)).toBeUndefined();
  });

  it.each([
    ['a UUID', '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22', '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22'],
    ['one character', 'a', 'a'],
    ['255 characters', 'k'.repeat(255), 'k'.repeat(255)],
    ['every visible character but quote and comma', visible(), visible()],
    ['a backslash in a bare key', 'a\\b', 'a\\b'],
    ['a quoted string', '"abc"', 'abc'],
    ['a quoted string of 255 characters', `"${'k'.repeat(255)}"`, 'k'.repeat(255)],
    ['an escaped quote', String.raw`"a\"b"`, 'a"b'],
    ['an escaped backslash', String.raw`"a\\b"`, 'a\\b'],
    ['an escaped backslash before the closing quote', String.raw`"a\\"`, 'a\\'],
    ['escapes read from left to right', String.raw`"\\\""`, '\\"'],
  ])('takes %s', (_, raw, key) => {
    expect(parseIdempotencyKey(raw)).toBe(key);
  });

  it('gives the same key for the bare and the quoted form', () => {
    expect(parseIdempotencyKey('"order-17"')).toBe(parseIdempotencyKey('order-17'));
  });

  it('keeps upper and lower case apart', () => {
    expect(parseIdempotencyKey('ABC')).not.toBe(parseIdempotencyKey('abc'));
  });

  it.each([
    ['an empty header', ''],
    ['an empty string', '""'],
    ['256 characters', 'k'.repeat(256)],
    ['256 characters in quotes', `"${'k'.repeat(256)}"`],
    ['only a space', ' '],
    ['a space', 'a b'],
    ['a space in quotes', '"a b"'],
    ['a comma', 'a,b'],
    ['a comma in quotes', '"a,b"'],
    ['two headers joined by Node', 'abc, abc'],
    ['two quoted headers joined by Node', '"abc", "abc"'],
    ['a tab', 'a\tb'],
    ['a line break', 'a\nb'],
    ['a line break at the end', 'abc\n'],
    ['a null character', 'a\0b'],
    ['a delete character', 'a\x7fb'],
    ['a letter beyond ASCII', 'clé'],
    ['a letter beyond ASCII in quotes', '"clé"'],
    ['an opening quote alone', '"abc'],
    ['a closing quote alone', 'abc"'],
    ['a lone quote', '"'],
    ['a quote inside', 'a"b'],
    ['a quote inside quotes', '"a"b"'],
    ['an escaped closing quote', String.raw`"abc\"`],
    ['an unknown escape', String.raw`"a\bc"`],
    ['parameters after the string', '"abc";v=1'],
    ['something after the string', '"abc"x'],
  ])('refuses %s', (_, raw) => {
    expect(() => parseIdempotencyKey(raw)).toThrow(InvalidInputError);
  });

  it('refuses a header that was sent twice', () => {
    expect(() => parseIdempotencyKey(['abc', 'abc'])).toThrow('Idempotency-Key must be sent once');
  });

  it('names the header and does not repeat the key', () => {
    const error = refusalOf('secret key');
    expect(error.extras.errors).toEqual([
      {
        pointer: 'Idempotency-Key',
        message: 'Idempotency-Key must contain only visible ASCII characters, without spaces',
      },
    ]);
    expect(JSON.stringify(error) + error.message).not.toContain('secret');
  });

  it('takes no longer for a hostile key', () => {
    const started = performance.now();
    expect(() => parseIdempotencyKey('"' + '\\"'.repeat(100_000))).toThrow(InvalidInputError);
    expect(performance.now() - started).toBeLessThan(patient(500));
  });
});

function visible(): string {
  return Array.from({ length: 94 }, (_, offset) => String.fromCharCode(0x21 + offset))
    .join('')
    .replaceAll(/[",]/g, '');
}

function refusalOf(raw: string): InvalidInputError {
  try {
    parseIdempotencyKey(raw);
  } catch (error) {
    if (error instanceof InvalidInputError) return error;
  }
  throw new Error('was not refused');
}

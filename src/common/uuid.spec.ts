import { describe, expect, it } from '@jest/globals';
import { parseUuid, uuidFromHex } from './uuid.js';

describe('A UUID', () => {
  it.each([
    '018f4e2a-7c3b-7d4e-8f5a-6b7c8d9e0f1a',
    '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
  ])('is %s', (key) => {
    expect(parseUuid(key)).toBe(key);
  });

  it('is parsed in lower case', () => {
    expect(parseUuid('0D6E6226-EBE8-4f38-8A18-3E2C6AE3AA22')).toBe(
      '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22',
    );
  });

  it.each([
    ['an empty text', ''],
    ['another key', 'order-17'],
    ['a UUID without hyphens', '0d6e6226ebe84f388a183e2c6ae3aa22'],
    ['a UUID in braces', '{0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22}'],
    ['a URN', 'urn:uuid:0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22'],
    ['hyphens elsewhere', '0d6e-6226-ebe8-4f38-8a18-3e2c6ae3aa22'],
    ['a digit too few', '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa2'],
    ['a digit too many', '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa222'],
    ['a letter beyond f', '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa2g'],
    ['a line break at the end', '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22\n'],
  ])('is not %s', (_, key) => {
    expect(parseUuid(key)).toBeUndefined();
  });

  it('is made of 32 hexadecimal digits', () => {
    expect(uuidFromHex('0D6E6226EBE84F388A183E2C6AE3AA22')).toBe(
      '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22',
    );
  });
});

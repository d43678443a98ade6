import { describe, expect, it } from '@jest/globals';
import { validate, version } from 'uuid';
import { derivedTaskKey, uuidOf } from './derived-task-key.js';

const SCOPE = Buffer.alloc(32, 0xab);

describe('derivedTaskKey', () => {
  it('is a UUID of version 5', () => {
    const key = derivedTaskKey(SCOPE, 1);
    expect(validate(key)).toBe(true);
    expect(version(key)).toBe(5);
  });

  it('stays what it is, since tasks are stored under it', () => {
    expect(derivedTaskKey(SCOPE, 1)).toBe('3632a026-71cc-5e32-b82a-242b407684aa');
  });

  it('differs for another scope and for another generation', () => {
    const keys = [
      derivedTaskKey(SCOPE, 1),
      derivedTaskKey(SCOPE, 2),
      derivedTaskKey(SCOPE, 11),
      derivedTaskKey(Buffer.alloc(32, 0xac), 1),
    ];
    expect(new Set(keys).size).toBe(4);
  });
});

describe('uuidOf', () => {
  it.each([
    '018f4e2a-7c3b-7d4e-8f5a-6b7c8d9e0f1a',
    '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22',
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
  ])('takes %s', (key) => {
    expect(uuidOf(key)).toBe(key);
  });

  it('gives lower case', () => {
    expect(uuidOf('0D6E6226-EBE8-4f38-8A18-3E2C6AE3AA22')).toBe(
      '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22',
    );
  });

  it.each([
    ['an empty key', ''],
    ['some other key', 'order-17'],
    ['a UUID without hyphens', '0d6e6226ebe84f388a183e2c6ae3aa22'],
    ['a UUID in braces', '{0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22}'],
    ['a URN', 'urn:uuid:0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22'],
    ['hyphens elsewhere', '0d6e-6226-ebe8-4f38-8a18-3e2c6ae3aa22'],
    ['a digit too few', '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa2'],
    ['a digit too many', '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa222'],
    ['a letter beyond f', '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa2g'],
    ['a line break at the end', '0d6e6226-ebe8-4f38-8a18-3e2c6ae3aa22\n'],
  ])('does not take %s', (_, key) => {
    expect(uuidOf(key)).toBeUndefined();
  });
});

import { describe, expect, it } from '@jest/globals';
import { isRecord } from './is-record.js';

describe('A JSON object', () => {
  it.each([
    [{}, true],
    [Object.create(null), true],
    [[], false],
    [null, false],
    ['x', false],
    [undefined, false],
  ])('%j: %s', (value: unknown, expected) => {
    expect(isRecord(value)).toBe(expected);
  });
});

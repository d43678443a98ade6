import { describe, expect, it } from '@jest/globals';
import { readNumber, readRange } from './command-options.js';

describe('The options of a command', () => {
  it('name a range of entries, the last one included', () => {
    expect(readRange(undefined, undefined)).toBeUndefined();
    expect(readRange('0', '0')).toEqual({ from: 0, to: 0 });
    expect(readRange('5', undefined)).toEqual({ from: 5, to: Infinity });
    expect(readRange(undefined, '7')).toEqual({ from: 0, to: 7 });
  });

  it.each([
    ['8', '7', '--from must not exceed --to'],
    ['', '7', '--from must be a whole number'],
    ['-1', '7', '--from must be a whole number'],
    ['1', '1e3', '--to must be a whole number'],
    ['1', '2.5', '--to must be a whole number'],
    ['1', '9999999999999999', '--to must be a whole number'],
  ])('refuse the range from %p to %p', (from, to, message) => {
    expect(() => readRange(from, to)).toThrow(message);
  });

  it('have whole numbers', () => {
    expect(readNumber('max-unsigned', undefined)).toBeUndefined();
    expect(readNumber('max-unsigned', '67')).toBe(67);
    expect(() => readNumber('max-unsigned', 'x')).toThrow('--max-unsigned must be a whole number');
  });
});

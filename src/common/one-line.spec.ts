import { describe, expect, it } from '@jest/globals';
import { oneLine } from './one-line.js';

describe('A text on one line', () => {
  it.each([
    ['a\nb', 'a\\nb'],
    ['a\r\n- b', 'a\\r\\n- b'],
    ['a\tb', 'a\\tb'],
    ['\u001b[2K', '\\u001b[2K'],
    ['a\u0085b', 'a\\u0085b'],
    ['a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['a\u202eb', 'a\\u202eb'],
    ['a\u200bb', 'a\\u200bb'],
    ['\u{e0041}', '\\udb40\\udc41'],
    ['\ud83d', '\\ud83d'],
  ])('has escapes in place of what could forge another: %j', (text, line) => {
    expect(oneLine(text)).toBe(line);
  });

  it.each(['', 'a b', 'größe', '財務', '❤\ufe0f 👩\u200d💻', 'مرحبا', '\\n'])(
    'is as it was: %j',
    (text) => {
      expect(oneLine(text)).toBe(text);
    },
  );

  it('of JSON is the same JSON', () => {
    const value = { a: 'x\ny\u2028z\u{e0041}\u0085\u202e', 'b\u200b': ['\u007f'] };

    expect(JSON.parse(oneLine(JSON.stringify(value)))).toEqual(value);
  });
});

import { describe, expect, it } from '@jest/globals';
import { parseJson } from './parse-json.js';

describe('A JSON text', () => {
  it.each([
    ['{"a":[1,null]}', { a: [1, null] }],
    ['null', null],
    [' 7 ', 7],
  ])('%s is parsed', (text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  it.each(['', '{', 'undefined', "{'a': 1}"])('%j is undefined', (text) => {
    expect(parseJson(text)).toBeUndefined();
  });
});

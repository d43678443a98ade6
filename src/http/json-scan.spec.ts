import { describe, expect, it } from '@jest/globals';
import { exceededLimit } from './json-scan.js';

const LIMITS = { members: 3, depth: 4 };

const exceeded = (text: string, limits = LIMITS) => exceededLimit(Buffer.from(text), limits);

describe('exceededLimit', () => {
  it.each([
    '',
    '{}',
    '{"a":1,"b":2,"c":3}',
    '[[[[]]],[[[]]]]',
    '{":":"::::::","b":"[[[[[[[["}',
    '{"a\\"::::":"\\\\","b":":\\":::"}',
    '{"é:":"ü:","𝄞":":::"}',
  ])('accepts %s', (text) => {
    expect(exceeded(text)).toBeUndefined();
  });

  it.each([
    ['{"a":1,"b":2,"c":3,"d":4}', 'members'],
    ['[{"a":1},{"a":1},{"a":1},{"a":1}]', 'members'],
    ['{"a":1,"a":1,"a":1,"a":1}', 'members'],
    ['{"a\\\\":1,"b\\\\\\"":{"c":[{"d":1}]}}', 'members'],
    ['[[[[[', 'depth'],
    ['[{"a":[{"b":[]}]}]', 'depth'],
  ])('refuses %s for its %s', (text, limit) => {
    expect(exceeded(text)).toBe(limit);
  });

  it.each(['{"a":"', '{"a":"\\', ']]]]]:', ':::'])('ends with the text: %s', (text) => {
    expect(exceeded(text)).toBeUndefined();
  });

  it('counts what the parser finds', () => {
    for (let members = 0; members < 200; members += 7) {
      const object = Object.fromEntries(
        Array.from({ length: members }, (_, index) => [`k"\\:${index}`, { '': [':', '{'] }]),
      );
      const text = JSON.stringify(object);
      const all = members * 2;
      expect(exceeded(text, { members: all, depth: 3 })).toBeUndefined();
      if (all > 0) expect(exceeded(text, { members: all - 1, depth: 3 })).toBe('members');
    }
  });
});

import { describe, expect, it } from '@jest/globals';
import utils from 'pg/lib/utils.js';

describe('A parameter of a statement, converted by the driver', () => {
  it.each([
    ['a text', 'größe', 'größe'],
    ['a number', 1.5, '1.5'],
    ['a boolean', false, 'false'],
    ['null', null, null],
    ['undefined', undefined, null],
    ['a JSON object', { a: [1, null], b: '"' }, '{"a":[1,null],"b":"\\""}'],
    ['a list of texts', ['a', 'b,c', '"', null], '{"a","b,c","\\"",NULL}'],
    ['bytes', Buffer.from([0, 255]), Buffer.from([0, 255])],
  ])('is in wire format: %s', (_, value, format) => {
    expect(utils.prepareValue(value)).toEqual(format);
  });

  it('is a time with its offset', () => {
    const format = utils.prepareValue(new Date('2026-01-02T03:04:05.678Z'));

    expect(new Date(String(format)).toISOString()).toBe('2026-01-02T03:04:05.678Z');
    expect(format).toMatch(/[+-]\d\d:\d\d$/);
  });

  it('throws the error of its conversion', () => {
    const failing = {
      toJSON(): never {
        throw new RangeError('no JSON');
      },
    };

    expect(() => utils.prepareValue(failing)).toThrow(new RangeError('no JSON'));
  });
});

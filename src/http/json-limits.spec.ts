import { describe, expect, it } from '@jest/globals';
import { InvalidInputError } from '../errors/domain-error.js';
import { assertJsonLimits, escapePointer, JSON_LIMITS } from './json-limits.js';
import { patient } from '../../test/support/patience.js';

const { depth, keys, array, string } = JSON_LIMITS;

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));

const withKeys = (count: number): unknown =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 0]));

/** Where and what is wrong with a body. */
function problemOf(body: unknown): string | undefined {
  try {
    assertJsonLimits(body);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return error.extras.errors?.map(({ pointer, message }) => `${pointer} ${message}`).join();
  }
}

describe('A body of ordinary shape', () => {
  it.each<[what: string, body: unknown]>([
    ['an object', { a: [1, 'two', null, true, { b: 3.5 }] }],
    ['nothing but null', null],
    ['a text', 'text'],
    ['nesting to the limit', nested(depth)],
    ['members to the limit', withKeys(keys)],
    ['elements to the limit', Array(array).fill(0)],
    ['text to the limit', 'x'.repeat(string)],
    ['emoji', { '😀': '👩‍👩‍👧' }],
    ['integers to the limit', [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, -0]],
    ['small and broken numbers', [5e-324, 0.1, 1e-7]],
    ['a member named like a method', { toString: 1, hasOwnProperty: 2 }],
  ])('passes: %s', (_, body) => {
    expect(problemOf(body)).toBeUndefined();
  });
});

describe('A body of no ordinary shape', () => {
  it.each<[body: unknown, problem: string]>([
    [{ a: { b: 'x\u0000' } }, '/a/b The value must not contain U+0000'],
    [{ 'x\u0000': 1 }, '/ The body must not contain U+0000'],
    [{ a: '\ud800' }, '/a The value must not contain a lone surrogate'],
    [{ a: [{ '\udc00': 1 }] }, '/a/0 The value must not contain a lone surrogate'],
    [
      JSON.parse('{"a":{"__proto__":1}}'),
      '/a The value has a member with a name that is not allowed',
    ],
    [{ constructor: 1 }, '/ The body has a member with a name that is not allowed'],
    [{ a: [{ prototype: 1 }] }, '/a/0 The value has a member with a name that is not allowed'],
    [JSON.parse('{"a":1e400}'), '/a The value must be a finite number'],
    [{ a: 2 ** 53 }, '/a The value must be an integer within ±(2^53−1)'],
    [{ 'a/b~c': 2 ** 53 }, '/a~1b~0c The value must be an integer within ±(2^53−1)'],
  ])('is refused: %j', (body, problem) => {
    expect(problemOf(body)).toBe(problem);
  });

  it.each<[what: string, body: unknown, problem: RegExp]>([
    ['too deep', nested(depth + 1), /nested deeper than 32$/],
    ['too many members', withKeys(keys + 1), /^\/ .* more than 2000 members$/],
    ['too many members in all', Array(11).fill(withKeys(200)), /more than 2000 members$/],
    ['too many elements', { list: Array(array + 1).fill(0) }, /^\/list .* 1000 elements$/],
    ['a text too long', { text: 'x'.repeat(string + 1) }, /^\/text .* 65536 characters$/],
    ['a name too long', { ['x'.repeat(string + 1)]: 1 }, /^\/ .* 65536 characters$/],
  ])('is refused: %s', (_, body, problem) => {
    expect(problemOf(body)).toMatch(problem);
  });

  it('is refused at once, however deep', () => {
    const body = nested(5_000);
    const started = performance.now();
    expect(problemOf(body)).toContain('nested deeper');
    expect(performance.now() - started).toBeLessThan(patient(1_000));
  });
});

describe('A name in a pointer', () => {
  it.each([
    ['plain', 'plain'],
    ['a/b', 'a~1b'],
    ['a~b', 'a~0b'],
    ['~1', '~01'],
    ['x'.repeat(101), 'x'.repeat(100)],
  ])('%s is %s', (name, escaped) => {
    expect(escapePointer(name)).toBe(escaped);
  });
});

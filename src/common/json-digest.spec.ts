import { describe, expect, it } from '@jest/globals';
import { hash } from 'node:crypto';
import { findCanonicalDigest, structuralDigest } from './json-digest.js';

describe('The structural digest', () => {
  it('differs for different values, and not for another order of members', () => {
    const hex = (value: unknown): string => structuralDigest(value).toString('hex');
    expect(hex({ a: 1, b: '\ud800' })).toBe(hex({ b: '\ud800', a: 1 }));
    const values = [
      '\ud800',
      '\ud801',
      '\\ud800',
      1,
      '1',
      [1],
      { a: 1 },
      { a: [1] },
      null,
      Infinity,
    ];
    expect(new Set(values.map(hex)).size).toBe(values.length);
  });

  it('exists for any nesting', () => {
    const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));

    expect(structuralDigest(deep)).toHaveLength(32);
  });
});

describe('The canonical digest', () => {
  it('is the SHA-256 of the text of RFC 8785', () => {
    expect(findCanonicalDigest({ b: 1.0, a: '€' })).toEqual(
      hash('sha256', '{"a":"€","b":1}', 'buffer'),
    );
  });

  it.each([
    ['a lone surrogate', { a: '\ud800' }],
    ['a number beyond a double', { a: Infinity }],
  ])('is undefined for %s', (_, value) => {
    expect(findCanonicalDigest(value)).toBeUndefined();
  });
});

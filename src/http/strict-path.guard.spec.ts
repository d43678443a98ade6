import { describe, expect, it } from '@jest/globals';
import { isNeedlesslyEncoded } from './strict-path.guard.js';

describe('isNeedlesslyEncoded', () => {
  it('finds each unreserved character that is encoded, and no other', () => {
    for (let code = 0; code < 128; code += 1) {
      const encoded = `%${code.toString(16).padStart(2, '0')}`;
      const isUnreserved = /[\w.~-]/.test(String.fromCharCode(code));
      for (const spelling of [encoded, encoded.toUpperCase()])
        expect([spelling, isNeedlesslyEncoded(`/a${spelling}`)]).toEqual([spelling, isUnreserved]);
    }
  });

  it.each(['/a', '/a%3Ab', '/a%20b', '/%C3%A9', '/a%2Fb', '/a%25', '/%'])('accepts %s', (path) => {
    expect(isNeedlesslyEncoded(path)).toBe(false);
  });
});

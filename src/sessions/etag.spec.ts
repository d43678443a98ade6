import { describe, expect, it } from '@jest/globals';
import { assertMatches, etagOf } from './etag.js';

const SESSION = { id: '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c', version: 3 };
const TAG = `"${SESSION.id}.3"`;

describe('The entity tag of a session', () => {
  it('is its id and version', () => {
    expect(etagOf(SESSION)).toBe(TAG);
  });

  it.each([undefined, '*', ' * ', TAG, `"other", ${TAG}`, `${TAG},"other"`])(
    'lets a write pass with If-Match: %s',
    (ifMatch) => {
      expect(() => {
        assertMatches(ifMatch, SESSION);
      }).not.toThrow();
    },
  );

  // A weak tag never matches: RFC 9110 §13.1.1 asks for the strong comparison.
  it.each([
    '',
    '""',
    `W/${TAG}`,
    `"${SESSION.id}.2"`,
    `"${SESSION.id}.30"`,
    TAG.slice(1, -1),
    '"*"',
  ])('refuses a write with If-Match: %s, and tells the present tag', (ifMatch) => {
    expect(() => {
      assertMatches(ifMatch, SESSION);
    }).toThrow(
      expect.objectContaining({
        code: 'session.version_mismatch',
        extras: { headers: { ETag: TAG } },
      }),
    );
  });
});

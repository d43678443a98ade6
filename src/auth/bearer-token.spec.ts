import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { bearerToken } from './bearer-token.js';
import { patient } from '../../test/support/patience.js';

/** As the server makes it: what was sent twice is in `rawHeaders` twice, and in `headers` once. */
function requestWith(...values: string[]): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.rawHeaders = values.flatMap((value) => ['Authorization', value]);
  request.headers = { authorization: values[0] };
  return request;
}

const MISSING = expect.objectContaining({ code: 'auth.token_missing' });
const INVALID = expect.objectContaining({ code: 'auth.token_invalid' });

describe('the bearer token of a request', () => {
  it.each(['Bearer a.b-c_~+/.d==', 'bearer a.b-c_~+/.d==', 'BEARER   a.b-c_~+/.d=='])(
    'is read from %j',
    (header) => {
      expect(bearerToken(requestWith(header))).toBe('a.b-c_~+/.d==');
    },
  );

  it.each(['', 'Basic eA==', 'Bearerx', 'a.b.c', 'JWT a.b.c'])('is missing in %j', (header) => {
    expect(() => bearerToken(requestWith(header))).toThrow(MISSING);
  });

  it('is missing when there is no header', () => {
    expect(() => bearerToken(requestWith())).toThrow(MISSING);
  });

  it.each(['Bearer', 'Bearer a b', 'Bearer a, Bearer b', 'Bearer =a', 'Bearer a\tb', 'Bearer ü'])(
    'is not valid in %j',
    (header) => {
      expect(() => bearerToken(requestWith(header))).toThrow(INVALID);
    },
  );

  it.each(['DPoP a.b.c', 'dpop a.b.c', 'DPoP', 'DPOP  a.b.c'])(
    'is not valid in %j, and the refusal names DPoP',
    (header) => {
      expect(() => bearerToken(requestWith(header))).toThrow(INVALID);
      expect(() => bearerToken(requestWith(header))).toThrow(/DPoP is not supported/);
    },
  );

  it('is not valid when it is sent twice', () => {
    expect(() => bearerToken(requestWith('Bearer a', 'Bearer a'))).toThrow(INVALID);
  });

  it('may have 8 KB and no more', () => {
    expect(bearerToken(requestWith(`Bearer ${'x'.repeat(8192)}`))).toHaveLength(8192);
    expect(() => bearerToken(requestWith(`Bearer ${'x'.repeat(8193)}`))).toThrow(INVALID);
  });

  it.each(['x'.repeat(15_000), `Bearer ${'x'.repeat(15_000)}`, `Bearer${' '.repeat(15_000)}`])(
    'is not looked for at length',
    (header) => {
      const started = performance.now();
      expect(() => bearerToken(requestWith(header))).toThrow();
      expect(performance.now() - started).toBeLessThan(patient(50));
    },
  );
});

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  cacheKeyOf,
  decodeStoredResponse,
  encodeStoredResponse,
  type StoredResponse,
} from './stored-response.js';

const NOW = 1_800_000_000_000;
const SCOPE = Buffer.alloc(32, 0x5c);
const RESPONSE: StoredResponse = {
  fingerprint: Buffer.alloc(32, 0xf1),
  status: 202,
  actingRole: 'finance',
  body: '{"task_id":"task-1","note":"€ \\u0000 \\"\\n"}',
  expiresAt: NOW + 1000,
};

describe('a stored response', () => {
  it('is kept under the key of the client', () => {
    expect(cacheKeyOf('abc')).toBe('idempotency:abc');
  });

  it('describes itself', () => {
    expect(JSON.parse(encodeStoredResponse(SCOPE, RESPONSE))).toEqual({
      v: 1,
      scope: '5c'.repeat(32),
      fingerprint: 'f1'.repeat(32),
      status: 202,
      acting_role: 'finance',
      body: RESPONSE.body,
      expires_at: NOW + 1000,
    });
  });

  it('is read back as it was written', () => {
    const raw = encodeStoredResponse(SCOPE, RESPONSE);
    expect(decodeStoredResponse(raw, SCOPE, NOW)).toEqual(RESPONSE);
  });

  it('keeps every body byte by byte', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (body) => {
        const raw = encodeStoredResponse(SCOPE, { ...RESPONSE, body });
        expect(decodeStoredResponse(raw, SCOPE, NOW)?.body).toBe(body);
      }),
    );
  });

  it('gives its fingerprint out to be compared', () => {
    const other = { ...RESPONSE, fingerprint: Buffer.alloc(32, 0x22) };
    expect(decodeStoredResponse(encodeStoredResponse(SCOPE, other), SCOPE, NOW)).toEqual(other);
  });

  it('is a miss for another scope', () => {
    const raw = encodeStoredResponse(SCOPE, RESPONSE);
    expect(decodeStoredResponse(raw, Buffer.alloc(32, 0x5d), NOW)).toBeUndefined();
  });

  it('is a miss from the moment it expires', () => {
    const raw = encodeStoredResponse(SCOPE, RESPONSE);
    expect(decodeStoredResponse(raw, SCOPE, NOW + 999)).toEqual(RESPONSE);
    expect(decodeStoredResponse(raw, SCOPE, NOW + 1000)).toBeUndefined();
  });

  it('is judged by the clock of the system when no time is given', () => {
    const expired = { ...RESPONSE, expiresAt: Date.now() - 1 };
    const valid = { ...RESPONSE, expiresAt: Date.now() + 60_000 };
    expect(decodeStoredResponse(encodeStoredResponse(SCOPE, expired), SCOPE)).toBeUndefined();
    expect(decodeStoredResponse(encodeStoredResponse(SCOPE, valid), SCOPE)).toEqual(valid);
  });

  it('is a miss when there is none', () => {
    expect(decodeStoredResponse(undefined, SCOPE, NOW)).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['cut-off JSON', encodeStoredResponse(SCOPE, RESPONSE).slice(0, -1)],
    ['null', 'null'],
    ['a number', '17'],
    ['a text', '"abc"'],
    ['a list', '[]'],
    ['an empty object', '{}'],
    ['bottomless JSON', '['.repeat(1_000_000)],
  ])('is a miss when Redis holds %s', (_, raw) => {
    expect(decodeStoredResponse(raw, SCOPE, NOW)).toBeUndefined();
  });

  it.each([
    ['another version', { v: 2 }],
    ['a version as text', { v: '1' }],
    ['no version', { v: undefined }],
    ['a scope that is no text', { scope: null }],
    ['a fingerprint that is no text', { fingerprint: 17 }],
    ['a short fingerprint', { fingerprint: 'f1' }],
    ['a fingerprint that is not hex', { fingerprint: 'xy'.repeat(32) }],
    ['a status as text', { status: '202' }],
    ['a broken status', { status: 202.5 }],
    ['a status of refusal', { status: 409 }],
    ['an informational status', { status: 100 }],
    ['a body that is no text', { body: { task_id: 'task-1' } }],
    ['no body', { body: undefined }],
    ['an expiry as text', { expires_at: '2030-01-01' }],
    ['no expiry', { expires_at: undefined }],
    ['an endless expiry', { expires_at: 1e308 }],
  ])('is a miss with %s', (_, change) => {
    expect(decodeStoredResponse(altered(change), SCOPE, NOW)).toBeUndefined();
  });

  it('ignores members it does not know', () => {
    expect(decodeStoredResponse(altered({ more: 1 }), SCOPE, NOW)).toEqual(RESPONSE);
  });

  it('is a miss beyond 2 MiB, counted in bytes', () => {
    const body = (length: number, letter: string) =>
      encodeStoredResponse(SCOPE, { ...RESPONSE, body: letter.repeat(length) });
    expect(decodeStoredResponse(body(2_000_000, 'a'), SCOPE, NOW)).toBeDefined();
    expect(decodeStoredResponse(body(2_097_153, 'a'), SCOPE, NOW)).toBeUndefined();
    expect(decodeStoredResponse(body(2_000_000, 'é'), SCOPE, NOW)).toBeUndefined();
  });

  it('never throws, whatever Redis holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (raw) => {
        expect(decodeStoredResponse(raw, SCOPE, NOW)).toBeUndefined();
      }),
    );
  });
});

function altered(change: object): string {
  const value: unknown = JSON.parse(encodeStoredResponse(SCOPE, RESPONSE));
  return JSON.stringify(Object.assign({}, value, change));
}

import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { providerKeys } from './jwk.js';

const rsaPair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ecPair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = rsaPair.publicKey.export({ format: 'jwk' });
const ec = ecPair.publicKey.export({ format: 'jwk' });

const algorithms = (jwk: unknown) =>
  providerKeys({ keys: [jwk] }).map((key) => key.algorithms.join(' '));

describe('of a key set are kept', () => {
  it.each<[string, JsonWebKey, string]>([
    ['RSA keys', rsa, 'RS256 PS256'],
    ['RSA keys for one algorithm', { ...rsa, use: 'sig', alg: 'PS256' }, 'PS256'],
    ['P-256 keys', { ...ec, use: 'sig' }, 'ES256'],
    ['keys that verify', { ...ec, key_ops: ['verify'] }, 'ES256'],
  ])('%s', (_, jwk, expected) => {
    expect(algorithms(jwk)).toEqual([expected]);
  });

  it('the ids, when they are strings', () => {
    const keys = [{ ...ec, kid: 'a' }, { ...ec, kid: 7 }, ec];
    expect(providerKeys({ keys }).map(({ id }) => id)).toEqual(['a', undefined, undefined]);
  });

  it('the good ones among others', () => {
    const keys = [null, 'x', {}, { kty: 'RSA' }, ec, { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }];
    expect(providerKeys({ keys })).toHaveLength(1);
  });
});

describe('of a key set are left out', () => {
  const small = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey;
  const ed25519 = generateKeyPairSync('ed25519').publicKey;

  it.each<[string, JsonWebKey]>([
    ['encryption keys', { ...rsa, use: 'enc' }],
    ['keys that only sign', { ...rsa, key_ops: ['sign'] }],
    ['keys for other algorithms', { ...rsa, alg: 'RS512' }],
    ['keys for the algorithm of another type', { ...rsa, alg: 'ES256' }],
    ['keys for HS256', { ...rsa, alg: 'HS256' }],
    ['private RSA keys', rsaPair.privateKey.export({ format: 'jwk' })],
    ['private EC keys', ecPair.privateKey.export({ format: 'jwk' })],
    ['symmetric keys', { kty: 'oct', k: 'c2VjcmV0' }],
    ['short RSA keys', small.export({ format: 'jwk' })],
    ['other curves', p384.export({ format: 'jwk' })],
    ['other types', ed25519.export({ format: 'jwk' })],
  ])('%s', (_, jwk) => {
    expect(algorithms(jwk)).toEqual([]);
  });
});

it.each([null, [], 'keys', {}, { keys: {} }, { keys: null }])('%j is no key set', (value) => {
  expect(() => providerKeys(value)).toThrow('not a JWK set');
});

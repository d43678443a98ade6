import { describe, expect, it } from '@jest/globals';
import { HUMAN_CLAIM } from '../config/human-claim.js';
import { humanCheck } from './human-claims.js';

const kindOf = (conditions: string, claims: unknown) =>
  humanCheck(conditions === '' ? [] : conditions.split(','))(claims);

/** What the documentation recommends for each provider. */
const KEYCLOAK = 'preferred_username!=service-account-*,!client_id,!clientId';
const ENTRA = 'idtyp=user';
const OKTA = 'uid';
const AUTH0 = 'sub=*|*,!gty=client-credentials';
const GOOGLE = 'email_verified=true,email!=*gserviceaccount.com';

describe('Conditions on claims that make a subject human', () => {
  it.each([
    ['Keycloak', KEYCLOAK, { preferred_username: 'ana', azp: 'console' }],
    ['Entra ID', ENTRA, { idtyp: 'user', oid: 'a' }],
    ['Okta', OKTA, { uid: '00u1', cid: '0oa1', sub: 'ana@example.com' }],
    ['Auth0', AUTH0, { sub: 'auth0|ana' }],
    ['Auth0 with a password', AUTH0, { sub: 'google-oauth2|1', gty: 'password' }],
    ['Google', GOOGLE, { email: 'ana@example.com', email_verified: true }],
  ])('are met by a person of %s', (_, conditions, claims) => {
    expect(kindOf(conditions, claims)).toBe('human');
  });

  it.each([
    ['Keycloak', KEYCLOAK, { preferred_username: 'service-account-bot', client_id: 'bot' }],
    ['Keycloak, renamed', KEYCLOAK, { preferred_username: 'ana', client_id: 'bot' }],
    ['Keycloak without profile', KEYCLOAK, {}],
    ['Entra ID', ENTRA, { idtyp: 'app' }],
    ['Entra ID without the optional claim', ENTRA, { oid: 'a' }],
    ['Okta', OKTA, { cid: '0oa1', sub: '0oa1' }],
    ['Auth0', AUTH0, { sub: 'abc@clients', gty: 'client-credentials' }],
    ['Google', GOOGLE, { email: 'b@p.iam.gserviceaccount.com', email_verified: true }],
    ['Google without an address', GOOGLE, { sub: '1' }],
  ])('are not met by a service account of %s', (_, conditions, claims) => {
    expect(kindOf(conditions, claims)).toBe('agent');
  });

  it('make nobody human where there are none', () => {
    expect(kindOf('', { idtyp: 'user' })).toBe('agent');
  });

  it.each<[string, unknown, 'human' | 'agent']>([
    ['a', { a: 'x' }, 'human'],
    ['a', { a: true }, 'human'],
    ['a', { a: {} }, 'human'],
    ['a', { a: false }, 'agent'],
    ['a', { a: '' }, 'agent'],
    ['a', { a: [] }, 'agent'],
    ['a', { a: null }, 'agent'],
    ['a', {}, 'agent'],
    ['a', null, 'agent'],
    ['a', 'a', 'agent'],
    ['!a', {}, 'human'],
    ['!a', { a: null }, 'human'],
    ['!a', { a: '' }, 'agent'],
    ['!a', { a: false }, 'agent'],
    ['a=1', { a: 1 }, 'human'],
    ['a=1', { a: ['0', '1'] }, 'human'],
    ['a=1', { a: '11' }, 'agent'],
    ['a=x', { a: 'X' }, 'agent'],
    ['a=1', { a: { 1: 1 } }, 'agent'],
    ['a=x*z', { a: 'x.y\nz' }, 'human'],
    ['a=.', { a: 'x' }, 'agent'],
    ['a!=x', { a: 'y' }, 'human'],
    ['a!=x', { a: ['y', 'x'] }, 'agent'],
    ['a!=x', { a: [] }, 'agent'],
    ['a!=x', { a: { b: 'y' } }, 'agent'],
    ['a!=x', { a: ['y', {}] }, 'agent'],
    ['a!=x', {}, 'agent'],
    ['!a=x', {}, 'human'],
    ['!a=x', { a: 'y' }, 'human'],
    ['!a=x', { a: 'x' }, 'agent'],
    ['!a=x', { a: {} }, 'agent'],
    ['a.b=x', { a: { b: 'x' } }, 'human'],
    ['https://x.example/kind=human', { 'https://x.example/kind': 'human' }, 'human'],
    ['toString', {}, 'agent'],
    ['a.constructor', { a: {} }, 'agent'],
    ['__proto__', {}, 'agent'],
  ])('%s of %j: %s', (conditions, claims, kind) => {
    expect(kindOf(conditions, claims)).toBe(kind);
  });

  it.each(['', '!', '=x', '!=x', 'a=', 'a!=', '!!a', '!a!=x', 'a==x', 'a b', 'a*', 'a= x', 'a =x'])(
    '%j is none',
    (text) => {
      expect(HUMAN_CLAIM.test(text)).toBe(false);
    },
  );
});

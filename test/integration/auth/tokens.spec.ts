import { request as httpRequest } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { type Json, signedToken, tampered } from '../../support/signed-token.js';
import { type StubKey } from '../../support/stub-issuer.js';
import { INVALID, problem, useAuthApp, useIdentityProvider } from '../../support/auth-app.js';
import { until } from '../../support/eventually.js';

describe('bearer tokens of an identity provider', () => {
  const auth = useAuthApp();
  const idp = useIdentityProvider(auth);

  const seconds = () => Math.floor(Date.now() / 1000);

  const claims = (changes: () => Json) => () => idp.issuer.token(idp.rsa, changes());

  const header = (changes: Json) => () => idp.issuer.token(idp.rsa, {}, changes);

  const pem = (key: StubKey) => key.publicKey.export({ type: 'spki', format: 'pem' }).toString();

  describe('a valid token', () => {
    it.each([
      ['RS256', () => idp.issuer.token(idp.rsa)],
      ['PS256', () => idp.issuer.token(idp.rsa, {}, { alg: 'PS256' })],
      ['ES256', () => idp.issuer.token(idp.ec)],
      ['ES256 without kid', () => idp.issuer.token(idp.ec, {}, { kid: undefined })],
      ['RFC 9068 type', () => idp.issuer.token(idp.rsa, { typ: undefined }, { typ: 'at+jwt' })],
      ['one audience', () => idp.issuer.token(idp.rsa, { aud: idp.issuer.audience })],
    ])('200: %s', async (_, token) => {
      const response = await auth.me(token()).expect(200);
      expect(response.body).toEqual({
        subject: `${idp.issuer.issuer}#7f3c2a9e`,
        roles: ['finance', 'approver'],
        acting_role: null,
        kind: 'agent',
      });
    });

    it('acts for the role of its claim role', async () => {
      expect(await auth.me(idp.issuer.token(idp.rsa, { role: 'approver' }))).toMatchObject({
        status: 200,
        body: { acting_role: 'approver' },
      });
    });

    it.each(['bearer', 'BEARER', 'Bearer'])('200 with the scheme %s', async (scheme) => {
      const authorization = `${scheme} ${idp.issuer.token(idp.rsa)}`;
      await auth.get('/me').set('Authorization', authorization).expect(200);
    });

    it('sets the subject in the request context', async () => {
      const response = await auth
        .get('/context')
        .set('Authorization', `Bearer ${idp.issuer.token(idp.rsa)}`);
      expect(response.body).toEqual({ subject: `${idp.issuer.issuer}#7f3c2a9e` });
    });
  });

  describe('no token', () => {
    it.each([undefined, 'Basic Zm9vOmJhcg==', 'Bearertoken'])(
      '401 with a challenge: %s',
      async (value) => {
        const sent = auth.get('/me');
        const response = await (value === undefined ? sent : sent.set('Authorization', value));
        expect(response).toMatchObject(problem(401, 'auth.token_missing'));
        expect(response.headers['www-authenticate']).toBe('Bearer');
      },
    );

    it('200 on a public route, without a request for keys', async () => {
      await auth.get('/open').expect(200, { open: true });
      await auth.get('/open').set('Authorization', 'Bearer x').expect(200);
      expect(idp.issuer.fetches).toBe(0);
    });
  });

  describe('an invalid token', () => {
    it.each<[string, () => string]>([
      ['alg none', () => signedToken({ alg: 'none', typ: 'JWT' }, idp.issuer.claims())],
      [
        'alg None with kid',
        () => signedToken({ alg: 'None', kid: idp.rsa.kid }, idp.issuer.claims()),
      ],
      [
        'alg none and a signature',
        () =>
          signedToken({ alg: 'none', kid: idp.rsa.kid }, idp.issuer.claims(), idp.rsa.privateKey),
      ],
      [
        'HS256 keyed with the public key',
        () =>
          signedToken(
            { alg: 'HS256', typ: 'JWT', kid: idp.rsa.kid },
            idp.issuer.claims(),
            pem(idp.rsa),
          ),
      ],
      ['no signature', () => idp.issuer.token(idp.rsa).replace(/[^.]+$/, '')],
      ['RS512', header({ alg: 'RS512' })],
      ['ES256 named for an RSA key', header({ alg: 'ES256' })],
      ['RS256 named for an EC key', () => idp.issuer.token(idp.ec, {}, { alg: 'RS256' })],
      ['RS256 with the kid of an EC key', () => idp.issuer.token(idp.rsa, {}, { kid: idp.ec.kid })],
      [
        'a key of its own under a known kid',
        () => {
          const own = idp.issuer.addKey('RS256');
          idp.issuer.removeKey(own);
          return idp.issuer.token(own, {}, { kid: idp.rsa.kid });
        },
      ],
      ['changed claims', () => tampered(idp.issuer.token(idp.rsa), { sub: 'someone-else' })],
      [
        'no kid where two keys fit',
        () => {
          idp.issuer.addKey('RS256');
          return idp.issuer.token(idp.rsa, {}, { kid: undefined });
        },
      ],
      ['a kid that is a number', header({ kid: 1 })],
      ['an unknown crit', header({ crit: ['b64'], b64: true })],
      ['an empty crit', header({ crit: [] })],
      ['typ of a logout token', header({ typ: 'logout+jwt' })],
      ['typ that is a number', header({ typ: 1 })],
      ['no exp', claims(() => ({ exp: undefined }))],
      ['exp that is a string', claims(() => ({ exp: String(seconds() + 300) }))],
      ['no iat', claims(() => ({ iat: undefined }))],
      ['iat in the future', claims(() => ({ iat: seconds() + 120 }))],
      ['nbf in the future', claims(() => ({ nbf: seconds() + 120 }))],
      ['no sub', claims(() => ({ sub: undefined }))],
      ['an empty sub', claims(() => ({ sub: '' }))],
      ['sub that is an object', claims(() => ({ sub: { id: 1 } }))],
      ['another iss', claims(() => ({ iss: 'https://evil.example.com' }))],
      ['iss with a slash more', claims(() => ({ iss: `${idp.issuer.issuer}/` }))],
      ['no iss', claims(() => ({ iss: undefined }))],
      ['another aud', claims(() => ({ aud: 'account' }))],
      ['no aud', claims(() => ({ aud: undefined }))],
      ['an ID token', claims(() => ({ typ: 'ID', at_hash: 'x' }))],
      ['a refresh token', claims(() => ({ typ: 'Refresh' }))],
      ['an offline token', claims(() => ({ typ: 'Offline' }))],
      ['bound to a DPoP key', claims(() => ({ cnf: { jkt: '0ZcOCORZNYy-DWpqq30jZw' } }))],
      ['bound to a certificate', claims(() => ({ cnf: { 'x5t#S256': 'bwcK0esc3ACC3DB2' } }))],
      ['malformed roles', claims(() => ({ realm_access: { roles: 'admin' } }))],
      [
        'a payload that is null',
        () => signedToken({ alg: 'RS256', typ: 'JWT', kid: idp.rsa.kid }, null, idp.rsa.privateKey),
      ],
      [
        'a payload that is a string',
        () => signedToken({ alg: 'RS256', kid: idp.rsa.kid }, 'x', idp.rsa.privateKey),
      ],
      ['more than 8 KB', claims(() => ({ padding: 'x'.repeat(8192) }))],
      ['8 KB without a dot', () => 'x'.repeat(9000)],
      ['garbage', () => 'not.a.jwt'],
      ['one part', () => 'garbage'],
      ['characters that no token has', () => 'a.b.c{}'],
      [
        'a second token after it',
        () => `${idp.issuer.token(idp.rsa)} ${idp.issuer.token(idp.rsa)}`,
      ],
      [
        'a list of tokens',
        () => `${idp.issuer.token(idp.rsa)}, Bearer ${idp.issuer.token(idp.rsa)}`,
      ],
    ])('401: %s', async (_, token) => {
      const sent = token();
      const response = await auth.me(sent);
      expect(response).toMatchObject(INVALID);
      expect(response.headers['www-authenticate']).toBe('Bearer error="invalid_token"');
      expect(response.text).not.toContain(sent.slice(0, 20));
    });

    it('401 auth.token_expired when it has expired', async () => {
      const response = await auth.me(idp.issuer.token(idp.rsa, { exp: seconds() - 61 }));
      expect(response).toMatchObject(problem(401, 'auth.token_expired'));
      expect(response.headers['www-authenticate']).toContain('error="invalid_token"');
    });

    it('401 auth.token_expired once a token that was valid has expired', async () => {
      const token = idp.issuer.token(idp.rsa, { exp: seconds() - 57 });
      await auth.me(token).expect(200);
      await until(async () => (await auth.me(token)).status === 401);
      expect(await auth.me(token)).toMatchObject(problem(401, 'auth.token_expired'));
    });

    it('401 auth.token_invalid when it has expired and its signature is invalid', async () => {
      const token = tampered(idp.issuer.token(idp.rsa), { exp: seconds() - 61 });
      expect(await auth.me(token)).toMatchObject(INVALID);
    });

    it.each(['DPoP', 'dpop'])('401 with the scheme %s, with DPoP in the detail', async (scheme) => {
      const sent = auth.get('/me');
      const response = await sent.set('Authorization', `${scheme} ${idp.issuer.token(idp.rsa)}`);
      expect(response).toMatchObject(INVALID);
      expect(response.body).toMatchObject({ detail: expect.stringContaining('DPoP') });
    });

    it('401 when the Authorization header is sent twice', async () => {
      const authorization = [`Bearer ${idp.issuer.token(idp.rsa)}`, 'Bearer other'];
      const url = `${await auth.app.getUrl()}/me`;
      const status = await new Promise((resolve, reject) => {
        const twice = httpRequest(url, (response) => {
          resolve(response.resume().statusCode);
        });
        twice.setHeader('Authorization', authorization).on('error', reject).end();
      });
      expect(status).toBe(401);
    });

    it('causes no request for keys when its algorithm is not allowed', async () => {
      await auth.me(signedToken({ alg: 'none' }, idp.issuer.claims()));
      expect(idp.issuer.fetches).toBe(0);
    });
  });
});

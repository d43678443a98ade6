import { beforeEach, describe, expect, it } from '@jest/globals';
import { type Failure } from '../../support/stub-issuer.js';
import { INVALID, UNAVAILABLE, useAuthApp, useIdentityProvider } from '../../support/auth-app.js';
import { until } from '../../support/eventually.js';
import { patient } from '../../support/patience.js';

const MINUTE = 60_000;

describe('signing keys of an identity provider', () => {
  const auth = useAuthApp();
  const idp = useIdentityProvider(auth);

  const flood = () =>
    Array.from({ length: 200 }, (_, index) =>
      auth.me(idp.issuer.token(idp.rsa, {}, { kid: `random-${index}` })),
    );

  describe('new and removed keys', () => {
    beforeEach(async () => {
      await auth.me(idp.issuer.token(idp.rsa)).expect(200);
    });

    it('200 at once with a new key', async () => {
      await auth.me(idp.issuer.token(idp.issuer.addKey('PS256'))).expect(200);
      expect(idp.issuer.fetches).toBe(2);
    });

    it('401 ten minutes after a key is removed, also for known tokens', async () => {
      const known = idp.issuer.token(idp.rsa);
      await auth.me(known).expect(200);
      idp.issuer.removeKey(idp.rsa);
      idp.now = 10 * MINUTE + 1;
      await auth.me(idp.issuer.token(idp.ec)).expect(200);
      await until(() => idp.issuer.fetches === 2);
      await until(async () => (await auth.me(idp.issuer.token(idp.rsa))).status === 401);
      expect(await auth.me(known)).toMatchObject(INVALID);
      await auth.me(idp.issuer.token(idp.ec)).expect(200);
    });
  });

  describe('provider down', () => {
    it.each<Failure>(['error', 'hang', 'garbage', 'redirect'])(
      '200 for an hour with known keys, then 503: %s',
      async (failure) => {
        await auth.me(idp.issuer.token(idp.rsa)).expect(200);
        idp.issuer.failure = failure;
        idp.now = 59 * MINUTE;
        await auth.me(idp.issuer.token(idp.rsa)).expect(200);
        idp.now = 61 * MINUTE;
        expect(await auth.me(idp.issuer.token(idp.rsa))).toMatchObject(UNAVAILABLE);
      },
    );

    it.each<Failure>(['error', 'hang', 'redirect', 'garbage', 'not a set', 'huge'])(
      '503 in time when no key is known: %s',
      async (failure) => {
        idp.issuer.failure = failure;
        const started = Date.now();
        const response = await auth.me(idp.issuer.token(idp.rsa));
        expect(Date.now() - started).toBeLessThan(patient(4000));
        expect(response).toMatchObject(UNAVAILABLE);
        expect(response.headers).toMatchObject({ 'retry-after': '1' });
        expect(response.headers).not.toHaveProperty('www-authenticate');

        await auth.me(idp.issuer.token(idp.rsa)).expect(503);
        expect(idp.issuer.fetches).toBe(1);
        idp.issuer.failure = undefined;
        idp.now += 1000;
        await auth.me(idp.issuer.token(idp.rsa)).expect(200);
      },
    );

    it('503 when the connection is refused', async () => {
      await idp.issuer.close();
      expect(await auth.me(idp.issuer.token(idp.rsa))).toMatchObject(UNAVAILABLE);
    });

    it('503 with an unknown kid', async () => {
      await auth.me(idp.issuer.token(idp.rsa)).expect(200);
      idp.issuer.failure = 'error';
      expect(await auth.me(idp.issuer.token(idp.issuer.addKey('RS256')))).toMatchObject(
        UNAVAILABLE,
      );
    });
  });

  describe('200 random kids', () => {
    it('cause at most two requests for keys, and valid tokens pass', async () => {
      await auth.me(idp.issuer.token(idp.rsa)).expect(200);
      idp.now = MINUTE;
      const before = idp.issuer.fetches;
      const started = Date.now();
      const all = Promise.all(flood());
      await auth.me(idp.issuer.token(idp.rsa)).expect(200);
      const statuses = (await all).map(({ status }) => status);
      expect(statuses.filter((status) => ![401, 503].includes(status))).toEqual([]);
      expect(statuses).toContain(503);
      expect(idp.issuer.fetches - before).toBeLessThanOrEqual(2);
      expect(Date.now() - started).toBeLessThan(patient(10_000));
    });

    it('503 with Retry-After once the limit of key requests is reached', async () => {
      await auth.me(idp.issuer.token(idp.rsa)).expect(200);
      await Promise.all(flood());
      const response = await auth.me(idp.issuer.token(idp.issuer.addKey('RS256')));
      expect(response).toMatchObject(UNAVAILABLE);
      const wait = Number(response.headers['retry-after']);
      expect(wait).toBeGreaterThan(1);
      expect(wait).toBeLessThanOrEqual(30);
      expect(response.headers).not.toHaveProperty('www-authenticate');
    });

    it('do not delay valid tokens while the provider hangs', async () => {
      await auth.me(idp.issuer.token(idp.rsa)).expect(200);
      idp.issuer.failure = 'hang';
      const stuck = Promise.all(flood());
      const started = Date.now();
      await auth.me(idp.issuer.token(idp.rsa)).expect(200);
      expect(Date.now() - started).toBeLessThan(patient(1500));
      await stuck;
    });

    it('delay a new key for at most 30 seconds', async () => {
      await Promise.all(flood());
      const added = idp.issuer.addKey('RS256');
      idp.now += 30_000;
      await auth.me(idp.issuer.token(added)).expect(200);
    });
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { developmentToken } from '../../../src/auth/development-token.js';
import { developmentSecret } from '../../../src/auth/signing-secret.js';
import { signedToken } from '../../support/signed-token.js';
import { StubIssuer, type StubKey } from '../../support/stub-issuer.js';
import { INVALID, useAuthApp } from '../../support/auth-app.js';

describe('authentication settings', () => {
  const auth = useAuthApp();

  const secret = 'a development secret of 32 bytes and more';

  const base = { DATABASE_URL: 'postgres://localhost/mesh', JWT_SECRET: secret };

  const roles = ['finance', 'manager'];

  describe('OIDC', () => {
    let issuer: StubIssuer;
    let key: StubKey;

    const bootWith = (variables: Record<string, string>) =>
      auth.boot({
        OIDC_ISSUER_URL: issuer.issuer,
        OIDC_JWKS_URL: issuer.jwksUrl,
        OIDC_AUDIENCE: issuer.audience,
        ...variables,
      });

    beforeEach(async () => {
      issuer = await StubIssuer.start();
      key = issuer.addKey('ES256');
    });

    afterEach(() => issuer.close());

    it('accepts any audience of OIDC_AUDIENCE, and the URLs of the controller', async () => {
      await bootWith({
        OIDC_AUDIENCE: 'agent-mesh, https://old.example.com',
        PUBLIC_URL: 'https://mesh.example.com/',
      });
      for (const aud of [
        'agent-mesh',
        'https://old.example.com',
        'https://mesh.example.com',
        'https://mesh.example.com/',
        'https://mesh.example.com/mcp',
        ['account', 'https://mesh.example.com/mcp'],
      ])
        await auth.me(issuer.token(key, { aud })).expect(200);
      for (const aud of [
        'agent-mesh, https://old.example.com',
        'https://mesh.example.com/mcp/tools',
        'https://mesh.example.com.evil.example/mcp',
        'http://mesh.example.com/mcp',
      ])
        expect(await auth.me(issuer.token(key, { aud }))).toMatchObject(INVALID);
    });

    it('accepts no audience from the Host header', async () => {
      await bootWith({});
      for (const aud of ['http://mesh.example.com/mcp', 'http://mesh.example.com'])
        expect(
          await auth
            .me(issuer.token(key, { aud }))
            .set('Host', 'mesh.example.com')
            .set('X-Forwarded-Host', 'mesh.example.com'),
        ).toMatchObject(INVALID);
    });

    it('reads the roles from OIDC_ROLES_CLAIM only', async () => {
      await bootWith({ OIDC_ROLES_CLAIM: 'https://example.com/roles' });
      const claims = { 'https://example.com/roles': 'legal manager', roles: ['admin'] };
      expect(await auth.me(issuer.token(key, claims))).toMatchObject({
        status: 200,
        body: { roles: ['legal', 'manager'], acting_role: null },
      });
      expect(await auth.me(issuer.token(key))).toMatchObject({ status: 200, body: { roles: [] } });
    });

    it('acts for the first role of DEFAULT_ROLE_PRECEDENCE', async () => {
      await bootWith({ DEFAULT_ROLE_PRECEDENCE: 'legal,approver,finance' });
      for (const roles of [
        ['finance', 'approver'],
        ['approver', 'finance'],
      ])
        expect(await auth.me(issuer.token(key, { realm_access: { roles } }))).toMatchObject({
          status: 200,
          body: { acting_role: 'approver' },
        });
      const role = { role: 'finance' };
      expect((await auth.me(issuer.token(key, role))).body).toMatchObject({
        acting_role: 'finance',
      });
    });

    it('reads the signing keys from OIDC_JWKS_URL', async () => {
      const issuer = await StubIssuer.start();
      try {
        const key = issuer.addKey('RS256');
        await auth.boot({
          OIDC_ISSUER_URL: issuer.issuer,
          OIDC_JWKS_URL: issuer.jwksUrl,
          OIDC_AUDIENCE: issuer.audience,
        });
        await auth.me(issuer.token(key)).expect(200);
        await auth.me(issuer.token(issuer.addKey('ES256'))).expect(200);
        expect(issuer.fetches).toBe(2);
      } finally {
        await issuer.close();
      }
    });
  });

  describe('JWT_SECRET', () => {
    it('200 with a development token', async () => {
      await auth.boot(base);
      const response = await auth.me(developmentToken(secret, { roles })).expect(200);
      expect(response.body).toEqual({
        subject: 'agent-mesh-dev#finance-agent',
        roles: ['finance', 'manager'],
        acting_role: 'finance',
        kind: 'agent',
      });
    });

    it('401 with another secret or without a signature', async () => {
      await auth.boot(base);
      expect(await auth.me(developmentToken(`${secret}!`, { roles }))).toMatchObject(INVALID);
      const payload = { sub: 'x', iat: 0, exp: 9e9 };
      expect(await auth.me(signedToken({ alg: 'none' }, payload))).toMatchObject(INVALID);
      expect(await auth.me(signedToken({ alg: 'HS256' }, payload, secret))).toMatchObject({
        status: 200,
      });
    });

    it('401 without a subject, an expiry or a known algorithm', async () => {
      await auth.boot(base);
      const payload = { sub: 'x', iat: 0, exp: 9e9 };
      for (const bad of [{ sub: undefined }, { exp: undefined }, { iat: 9e9 }, { iss: 'a#b' }]) {
        const token = signedToken({ alg: 'HS256' }, { ...payload, ...bad }, secret);
        expect(await auth.me(token)).toMatchObject(INVALID);
      }
      expect(await auth.me(signedToken({ alg: 'HS512' }, payload, secret))).toMatchObject(INVALID);
    });

    it('checks issuer and audience when they are set', async () => {
      const issuer = 'https://id.example.com';
      await auth.boot({ ...base, OIDC_ISSUER_URL: issuer, OIDC_AUDIENCE: 'mesh' });
      await auth.me(developmentToken(secret, { roles, issuer, audience: 'mesh' })).expect(200);
      for (const claims of [{ roles }, { roles, issuer }, { roles, issuer, audience: 'other' }]) {
        expect(await auth.me(developmentToken(secret, claims))).toMatchObject(INVALID);
      }
    });

    it('ignores roles that ROLES does not list', async () => {
      await auth.boot({ ...base, ROLES: 'manager' });
      const response = await auth.me(developmentToken(secret, { roles: [...roles, 'admin'] }));
      expect(response.body).toMatchObject({ roles: ['manager', 'admin'], acting_role: 'manager' });
    });

    it('creates a secret when none is set', async () => {
      const directory = mkdtempSync(join(tmpdir(), 'auth-'));
      try {
        await auth.boot({ DATA_DIR: directory });
        await auth.me(developmentToken(developmentSecret(directory), { roles })).expect(200);
        expect(await auth.me(developmentToken(secret, { roles }))).toMatchObject(INVALID);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
});

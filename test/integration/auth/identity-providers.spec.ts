import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Json } from '../../support/signed-token.js';
import { StubIssuer, type StubKey } from '../../support/stub-issuer.js';
import { INVALID, useAuthApp } from '../../support/auth-app.js';

const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
/** Members that only tokens of Keycloak have. */
const PLAIN = {
  typ: undefined,
  azp: undefined,
  realm_access: undefined,
  resource_access: undefined,
  scope: undefined,
};

describe('tokens of identity providers', () => {
  const auth = useAuthApp();
  let issuer: StubIssuer;
  let key: StubKey;

  beforeEach(async () => {
    issuer = await StubIssuer.start();
    key = issuer.addKey('RS256');
  });

  afterEach(() => issuer.close());

  const boot = (variables: Record<string, string>) =>
    auth.boot({ OIDC_ISSUER_URL: issuer.issuer, OIDC_JWKS_URL: issuer.jwksUrl, ...variables });

  const me = (claims: Json, header: Json = {}) =>
    auth.me(issuer.token(key, { ...PLAIN, ...claims }, header));

  async function expectRoles(roles: string[], claims: Json, header: Json = {}): Promise<void> {
    expect(await me(claims, header)).toMatchObject({ status: 200, body: { roles } });
  }

  async function expectRefused(claims: Json, header: Json = {}): Promise<void> {
    expect(await me(claims, header)).toMatchObject(INVALID);
  }

  it('Entra ID: access tokens of version 1 and 2, no ID tokens', async () => {
    await boot({ OIDC_AUDIENCE: 'api://mesh,2f0c-guid' });
    const entra = { tid: TENANT, oid: 'o', roles: ['finance'], uti: 'u' };
    await expectRoles(['finance'], { ...entra, ver: '1.0', aud: 'api://mesh', appid: 'client' });
    await expectRoles(['finance'], { ...entra, ver: '2.0', aud: '2f0c-guid', azp: 'client' });
    await expectRefused({ ...entra, ver: '2.0', aud: '2f0c-guid' });
    await expectRefused({ ...entra, ver: '1.0', aud: 'api://mesh', nonce: 'n', appid: 'client' });
    await expectRefused({ ...entra, ver: '2.0', aud: 'https://graph.microsoft.com', azp: 'c' });
  });

  it('Okta: groups of a custom authorization server', async () => {
    await boot({
      OIDC_AUDIENCE: 'api://default',
      OIDC_ROLES_CLAIM: 'groups',
      OIDC_ROLES_MAP: 'Mesh Finance=finance,Mesh Finance=manager',
    });
    const okta = { ver: 1, cid: '0oa', uid: '00u', scp: ['openid'], aud: 'api://default' };
    await expectRoles(['finance', 'manager'], { ...okta, groups: ['Everyone', 'Mesh Finance'] });
    await expectRefused({ ...okta, aud: '0oa', groups: ['Mesh Finance'] });
    await expectRefused({ ...okta, at_hash: 'h', groups: ['Mesh Finance'] });
  });

  it('Auth0: a namespaced claim, also as a string', async () => {
    await boot({
      OIDC_AUDIENCE: 'https://mesh.example.com',
      OIDC_ROLES_CLAIM: 'https://example.com/roles',
    });
    const auth0 = { aud: ['https://mesh.example.com', 'https://t.auth0.com/userinfo'], azp: 'c' };
    const roles = 'https://example.com/roles';
    await expectRoles(['finance', 'legal'], { ...auth0, [roles]: ['finance', 'legal'] });
    await expectRoles(['finance', 'legal'], { ...auth0, [roles]: 'finance, legal' });
    await expectRoles(['finance', 'legal'], { ...auth0, [roles]: 'finance legal' });
    await expectRoles(['Finance Team'], { ...auth0, [roles]: 'Finance Team,' });
    await expectRefused({ ...auth0, aud: 'client', [roles]: ['finance'] });
  });

  it('Cognito: access tokens of listed clients without aud, no ID tokens', async () => {
    await boot({ OIDC_CLIENT_IDS: 'app-1,app-2', OIDC_ROLES_CLAIM: 'cognito:groups' });
    const groups = { 'cognito:groups': ['finance'], aud: undefined };
    await expectRoles(['finance'], { ...groups, token_use: 'access', client_id: 'app-2' });
    await expectRefused({ ...groups, token_use: 'access', client_id: 'app-3' });
    await expectRefused({ ...groups, token_use: 'access', azp: 'app-1' });
    await expectRefused({ ...groups, token_use: 'access', client_id: ['app-1'] });
    await expectRefused({ ...groups, client_id: 'app-1' });
    await expectRefused({ ...groups, token_use: 'id', client_id: 'app-1' });
    await expectRefused({ ...groups, token_use: 'id', aud: 'app-1' });
    await expectRefused({ ...groups, aud: 'app-1', token_use: 'access', client_id: 'app-1' });
    await expectRefused({ ...groups, aud: null, token_use: 'access', client_id: 'app-1' });
    await expectRefused({ ...groups, aud: [], token_use: 'access', client_id: 'app-1' });
  });

  it('Cognito: scopes of the client credentials grant', async () => {
    await boot({
      OIDC_CLIENT_IDS: 'app-1',
      OIDC_ROLES_CLAIM: 'scope',
      OIDC_ROLES_MAP: 'mesh/finance=finance',
    });
    const claims = { aud: undefined, token_use: 'access', client_id: 'app-1' };
    await expectRoles(['finance'], { ...claims, scope: 'mesh/finance mesh/other' });
  });

  it('no token without aud while no client is listed', async () => {
    await boot({ OIDC_AUDIENCE: 'mesh' });
    await expectRefused({ aud: undefined, token_use: 'access', client_id: 'mesh' });
  });

  it('Google: ID tokens of service accounts by their address', async () => {
    const address = 'finance-agent@example-project.iam.gserviceaccount.com';
    await boot({
      OIDC_AUDIENCE: 'https://mesh.example.com',
      OIDC_ROLES_CLAIM: 'email',
      OIDC_ROLES_MAP: JSON.stringify({ [address]: ['finance'] }),
    });
    const google = { aud: 'https://mesh.example.com', azp: '1', email_verified: true };
    await expectRoles(['finance'], { ...google, email: address });
    await expectRoles([], { ...google, email: `x${address}` });
    await expectRefused({ ...google, email: address, at_hash: 'h' });
  });

  it('Keycloak 26 without the scope basic: refused, because sub is missing', async () => {
    await boot({ OIDC_AUDIENCE: issuer.audience });
    const response = await auth.me(issuer.token(key, { sub: undefined }));
    expect(response).toMatchObject(INVALID);
    expect(response.body).toMatchObject({ detail: expect.stringContaining('(sub)') });
  });

  it('role names over 50 characters are ignored, and refused if there is no other', async () => {
    await boot({ OIDC_AUDIENCE: 'mesh' });
    const long = 'x'.repeat(51);
    await expectRoles(['finance'], { aud: 'mesh', roles: [long, 'finance'] });
    await expectRefused({ aud: 'mesh', roles: [long] });
    await expectRoles([], { aud: 'mesh', roles: [] });
  });

  it('a token of 12 KB is accepted with MAX_HEADER_BYTES of twice as much', async () => {
    await boot({ OIDC_AUDIENCE: 'mesh', MAX_HEADER_BYTES: '32768' });
    await expectRoles(['finance'], { aud: 'mesh', roles: ['finance'], groups: 'x'.repeat(8500) });
  });

  describe('several issuers', () => {
    let other: StubIssuer;
    let otherKey: StubKey;

    beforeEach(async () => {
      other = await StubIssuer.start();
      otherKey = other.addKey('RS256');
    });

    afterEach(() => other.close());

    const bootBoth = (variables: Record<string, string> = {}) =>
      boot({
        OIDC_ISSUER_URL: `${issuer.issuer},${other.issuer}`,
        OIDC_JWKS_URL: `${issuer.jwksUrl},${other.jwksUrl}`,
        OIDC_AUDIENCE: 'agent-mesh',
        ...variables,
      });

    it('have subjects of their own', async () => {
      await bootBoth();
      for (const [idp, signing] of [
        [issuer, key],
        [other, otherKey],
      ] as const) {
        for (let sent = 0; sent < 2; sent++)
          expect(await auth.me(idp.token(signing))).toMatchObject({
            status: 200,
            body: { subject: `${idp.issuer}#7f3c2a9e` },
          });
      }
    });

    it('cannot sign tokens of each other, also with an equal kid', async () => {
      const stranger = other.addKey('RS256');
      await bootBoth();
      expect(stranger.kid).not.toBe(key.kid);
      for (const kid of [key.kid, stranger.kid, undefined]) {
        expect(
          await auth.me(issuer.token(stranger, { iss: issuer.issuer }, { kid })),
        ).toMatchObject(INVALID);
      }
      expect(await auth.me(issuer.token(key, { iss: 'https://evil.example' }))).toMatchObject(
        INVALID,
      );
      expect(await auth.me(issuer.token(key, { iss: undefined }))).toMatchObject(INVALID);
    });

    it('have roles of their own with names that contain the issuer', async () => {
      await bootBoth({
        OIDC_ROLES_CLAIM: 'groups',
        OIDC_ROLES_MAP: JSON.stringify({ [`${other.issuer}#staff`]: 'legal', staff: 'finance' }),
      });
      expect(await auth.me(issuer.token(key, { groups: ['staff', 'admin'] }))).toMatchObject({
        body: { roles: ['finance'] },
      });
      expect(await auth.me(other.token(otherKey, { groups: ['staff', 'admin'] }))).toMatchObject({
        body: { roles: ['legal'] },
      });
    });

    it('do not depend on each other', async () => {
      other.failure = 'error';
      await bootBoth();
      expect((await auth.me(issuer.token(key))).status).toBe(200);
      expect((await auth.me(other.token(otherKey))).status).toBe(503);
    });
  });
});

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { useAuthApp, useIdentityProvider } from '../../support/auth-app.js';

interface Mapper {
  protocolMapper: string;
  config: Record<string, string>;
}

interface RealmClient {
  clientId: string;
  enabled: boolean;
  publicClient: boolean;
  secret?: string;
  standardFlowEnabled: boolean;
  implicitFlowEnabled: boolean;
  directAccessGrantsEnabled: boolean;
  serviceAccountsEnabled: boolean;
  fullScopeAllowed: boolean;
  defaultClientScopes?: string[];
  protocolMappers?: Mapper[];
}

interface User {
  username: string;
  enabled: boolean;
  email?: string;
  firstName?: string;
  lastName?: string;
  credentials?: { type: string; value: string; temporary: boolean }[];
  serviceAccountClientId?: string;
  realmRoles: string[];
}

interface Realm {
  realm: string;
  roles: { realm: { name: string }[] };
  clients: RealmClient[];
  users: User[];
}

const TEXT = readFileSync('docker/keycloak/mesh-realm.json', 'utf8');
const REALM = JSON.parse(TEXT) as Realm;
const AGENTS = REALM.users.filter(({ serviceAccountClientId }) => serviceAccountClientId);
const PEOPLE = REALM.users.filter(({ serviceAccountClientId }) => !serviceAccountClientId);
/** The roles that Keycloak gives each user of a new realm. */
const BUILT_IN = ['offline_access', 'uma_authorization', `default-roles-${REALM.realm}`];

/**
 * The claims of an access token of Keycloak 26 without client scopes: its own claims, and those of the mappers of the
 * client. Without the scope `basic`, `sub` comes from a mapper only.
 */
function claimsOf(user: User, { clientId, protocolMappers = [] }: RealmClient) {
  const claims: Record<string, unknown> = {
    ...{ jti: `trrtcc:${randomUUID()}`, typ: 'Bearer', azp: clientId, scope: '' },
    ...{ sub: undefined, aud: undefined, realm_access: undefined, resource_access: undefined },
  };
  for (const { protocolMapper, config } of protocolMappers) {
    if (config['access.token.claim'] !== 'true') continue;
    if (protocolMapper === 'oidc-sub-mapper') claims.sub = randomUUID();
    if (protocolMapper === 'oidc-audience-mapper') claims.aud = config['included.client.audience'];
    if (protocolMapper === 'oidc-usermodel-attribute-mapper') {
      claims[config['claim.name'] ?? ''] = user.username;
    }
    if (protocolMapper === 'oidc-usermodel-realm-role-mapper') {
      const [outer = '', inner = ''] = (config['claim.name'] ?? '').split('.');
      claims[outer] = { [inner]: [...user.realmRoles, ...BUILT_IN] };
    }
  }
  return claims;
}

function clientNamed(name: string): RealmClient {
  const client = REALM.clients.find(({ clientId }) => clientId === name);
  if (client === undefined) throw new Error(`no client ${name}`);
  return client;
}

describe('docker/keycloak/mesh-realm.json', () => {
  it('gives each agent a client with a service account, and no other flow', () => {
    expect(AGENTS.map(({ realmRoles }) => realmRoles)).toEqual([
      ['finance'],
      ['manager'],
      ['legal'],
      ['cfo'],
    ]);
    for (const { username, serviceAccountClientId = '', realmRoles } of AGENTS) {
      expect(username).toBe(`service-account-${serviceAccountClientId}`);
      expect(serviceAccountClientId).toBe(`${realmRoles.join()}-agent`);
      expect(clientNamed(serviceAccountClientId)).toMatchObject({
        ...{ enabled: true, publicClient: false, serviceAccountsEnabled: true },
        ...{ standardFlowEnabled: false, implicitFlowEnabled: false },
        ...{ directAccessGrantsEnabled: false, fullScopeAllowed: true },
      });
    }
  });

  it('has people with complete profiles, who log in through the client people', () => {
    expect(clientNamed('people')).toMatchObject({
      publicClient: true,
      directAccessGrantsEnabled: true,
    });
    expect(PEOPLE.flatMap(({ realmRoles }) => realmRoles)).toEqual(
      expect.arrayContaining(['finance', 'manager', 'admin', 'auditor']),
    );
    for (const { email, firstName, lastName, credentials } of PEOPLE) {
      expect([email, firstName, lastName].every(Boolean)).toBe(true);
      expect(credentials).toHaveLength(1);
    }
  });

  it('defines each role that it gives', () => {
    const names = REALM.roles.realm.map(({ name }) => name);
    const given = REALM.users.flatMap(({ realmRoles }) => realmRoles);
    expect(given.filter((name) => !names.includes(name))).toEqual([]);
  });

  it('contains no secret', () => {
    const secrets = [
      ...REALM.clients.flatMap(({ secret = [] }) => secret),
      ...REALM.users.flatMap(({ credentials = [] }) => credentials.map(({ value }) => value)),
    ];
    expect(secrets).toHaveLength(AGENTS.length + PEOPLE.length);
    expect(new Set(secrets)).toEqual(new Set(['${DEMO_SECRET}']));
  });
});

describe('a token of the demo realm', () => {
  const auth = useAuthApp();
  const idp = useIdentityProvider(auth);

  it.each(REALM.users.map((user) => [user.username, user] as const))(
    'has the subject and the roles of %s',
    async (_, user) => {
      const claims = claimsOf(user, clientNamed(user.serviceAccountClientId ?? 'people'));
      expect(await auth.me(idp.issuer.token(idp.rsa, claims))).toMatchObject({
        status: 200,
        body: {
          subject: `${idp.issuer.issuer}#${String(claims.sub)}`,
          roles: user.realmRoles,
        },
      });
    },
  );
});

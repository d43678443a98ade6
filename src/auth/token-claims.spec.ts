import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DomainError } from '../errors/domain-error.js';
import { agentFromClaims, type ClaimExpectations } from './token-claims.js';

type Json = Record<string, unknown>;

const NOW = 1_800_000_000;
const ISSUER = 'https://id.example.com/realms/mesh';
const EXPECTED: ClaimExpectations = {
  issuer: ISSUER,
  audiences: ['mesh'],
  clients: ['mesh'],
  roleAllowList: [],
  rolePrecedence: [],
  nowSeconds: NOW,
};
const GOOD = { iss: ISSUER, sub: 'f1', aud: 'mesh', iat: NOW - 10, exp: NOW + 290, typ: 'Bearer' };

function read(claims: Json, header: Json = {}, expected: Partial<ClaimExpectations> = {}) {
  const payload: unknown = JSON.parse(JSON.stringify({ ...GOOD, ...claims }));
  return agentFromClaims({ alg: 'RS256', ...header }, payload, { ...EXPECTED, ...expected });
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError) return `${error.code}: ${error.detail}`;
    throw error;
  }
  return 'accepted';
}

describe('an access token', () => {
  it('becomes an agent named by issuer and subject', () => {
    expect(read({})).toEqual({
      subject: `${ISSUER}#f1`,
      roles: [],
      defaultRole: undefined,
      issuedAt: NOW - 10,
      expiresAt: NOW + 290,
    });
  });

  it.each<[string, Json, Json?]>([
    ['several audiences', { aud: ['account', 'mesh'] }],
    ['a clock 59 s ahead', { iat: NOW + 59, nbf: NOW + 59 }],
    ['an expiry 59 s ago', { exp: NOW - 59 }],
    ['fractions of seconds', { iat: NOW - 0.5, exp: NOW + 0.5 }],
    ['a nonce beside Keycloak’s typ, as before version 25', { nonce: 'n' }],
    ['no typ', { typ: undefined }],
    ['a # in the subject', { sub: 'a#b' }],
    ['a subject of 255 characters', { sub: 'é'.repeat(255) }],
    ['header typ JWT', {}, { typ: 'JWT' }],
    ['header typ at+jwt', {}, { typ: 'AT+JWT' }],
    ['header typ application/at+jwt', {}, { typ: 'application/at+jwt' }],
  ])('is accepted with %s', (_, claims, header = {}) => {
    expect(refusal(() => read(claims, header))).toBe('accepted');
  });

  it.each<[string, Json, Json?]>([
    ['is not an access token', { typ: 'ID' }],
    ['is not an access token', { typ: 'Refresh' }],
    ['is not an access token', { typ: 'Offline' }],
    ['is not an access token', { typ: 'Logout' }],
    ['is not an access token', { typ: 'DPoP' }],
    ['is not an access token', { typ: null }],
    ['is not an access token', { at_hash: 'x' }],
    ['is not an access token', { c_hash: 'x' }],
    ['is not an access token', { typ: undefined, nonce: 'n' }],
    ['is not an access token', {}, { typ: 'id+jwt' }],
    ['is not an access token', {}, { typ: 'logout+jwt' }],
    ['is not an access token', {}, { typ: ['JWT'] }],
    ['requires an extension', {}, { crit: ['exp'] }],
    ['requires an extension', {}, { crit: [] }],
    ['requires an extension', {}, { crit: null }],
    ['for another audience', { aud: undefined }],
    ['for another audience', { aud: 'Mesh' }],
    ['for another audience', { aud: ['account'] }],
    ['for another audience', { aud: [['mesh']] }],
    ['for another audience', { aud: { mesh: 'mesh' } }],
    ['from another issuer', { iss: undefined }],
    ['from another issuer', { iss: `${ISSUER}/` }],
    ['from another issuer', { iss: [ISSUER] }],
    ['has no expiry time', { exp: undefined }],
    ['has no expiry time', { exp: String(NOW + 290) }],
    ['has no expiry time', { exp: null }],
    ['has no issue time', { iat: undefined }],
    ['has no issue time', { iat: true }],
    ['is from the future', { iat: NOW + 61 }],
    ['is not valid yet', { nbf: NOW + 61 }],
    ['start time (nbf) of the token is malformed', { nbf: 'now' }],
    ['has no valid subject', { sub: undefined }],
    ['has no valid subject', { sub: '' }],
    ['has no valid subject', { sub: 7 }],
    ['has no valid subject', { sub: { id: 'f1' } }],
    ['has no valid subject', { sub: 'x'.repeat(256) }],
    ['has no valid subject', { sub: 'a\u0000b' }],
    ['has no valid subject', { sub: 'a\ud800' }],
  ])('is refused because it %s: %j', (reason, claims, header = {}) => {
    const answer = refusal(() => read(claims, header));
    expect(answer).toMatch(/^auth.token_invalid: /);
    expect(answer).toContain(reason);
  });

  it.each<[unknown]>([
    [{ jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }],
    [{ 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' }],
    [{ jwk: {} }],
    [{ kid: 'k' }],
    [{}],
    [null],
    ['jkt'],
  ])('is refused when it is bound to a key of its sender: %j', (cnf) => {
    expect(refusal(() => read({ cnf }))).toMatch(/^auth.token_invalid: .*sender-constrained/);
  });

  it.each<[unknown]>([['mesh'], ['console'], [['account', 'console']], ['https://mesh/mcp']])(
    'is accepted for any one of our audiences: %j',
    (aud) => {
      const audiences = ['mesh', 'console', 'https://mesh/mcp'];
      expect(refusal(() => read({ aud }, {}, { audiences }))).toBe('accepted');
    },
  );

  it.each<[unknown]>([['mesh,console'], [''], [['mesh,console']], ['https://mesh'], [[]], [null]])(
    'is refused for none of our audiences: %j',
    (aud) => {
      const audiences = ['mesh', 'console', 'https://mesh/mcp'];
      expect(refusal(() => read({ aud }, {}, { audiences }))).toContain('another audience');
    },
  );

  it.each([NOW - 60, NOW - 61, 0, -1])('is expired at %d', (exp) => {
    expect(refusal(() => read({ exp }))).toMatch(/^auth.token_expired/);
  });

  it('does not live for ever by an infinite exp', () => {
    const payload: unknown = JSON.parse(JSON.stringify(GOOD).replace(String(GOOD.exp), '1e999'));
    const answer = refusal(() => agentFromClaims({}, payload, EXPECTED));
    expect(answer).toContain('has no expiry time');
  });

  it.each([null, 'text', 7, []])('is refused when its payload or header is %j', (value) => {
    expect(refusal(() => agentFromClaims({}, value, EXPECTED))).toMatch(/^auth.token_invalid/);
    expect(refusal(() => agentFromClaims(value, GOOD, EXPECTED))).toMatch(/^auth.token_invalid/);
  });

  it('is never answered with anything but an agent or a refusal, whatever its claims', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...CLAIMS), fc.jsonValue()), (claims) => {
        expect(refusal(() => read(claims))).toMatch(/^(accepted|auth\.token_)/);
      }),
    );
  });

  it('is refused without repeating what it contains', () => {
    for (const name of CLAIMS) {
      expect(refusal(() => read({ [name]: 'secret-value' }))).not.toContain('secret-value');
    }
  });
});

describe('without a configured issuer', () => {
  const anyone = { issuer: undefined, audiences: [] };

  it('the token’s own issuer is part of the subject', () => {
    expect(read({ iss: 'dev', aud: undefined }, {}, anyone).subject).toBe('dev#f1');
    expect(read({ iss: undefined }, {}, anyone).subject).toBe('#f1');
  });

  it.each(['a#b', '', 7, 'a\n', null])('the issuer %j is refused', (iss) => {
    expect(refusal(() => read({ iss }, {}, anyone))).toContain(
      'issuer (iss) of the token is malformed',
    );
  });
});

describe('the roles', () => {
  it('are those of the realm, of our own client, of `roles` and of `role`, each once', () => {
    const agent = read({
      realm_access: { roles: ['finance', 'offline_access', 'uma_authorization'] },
      resource_access: { mesh: { roles: ['legal'] }, account: { roles: ['manage-account'] } },
      roles: ['manager', 'finance', 'default-roles-mesh', 'system'],
      role: 'legal',
    });
    expect(agent.roles).toEqual(['finance', 'legal', 'manager']);
    expect(agent.defaultRole).toBe('legal');
  });

  it('of a client are nobody’s when no client is ours', () => {
    const claims = { resource_access: { undefined: { roles: ['legal'] } } };
    expect(read(claims, {}, { clients: [] }).roles).toEqual([]);
  });

  it('outside the allow-list are dropped, the default role with them', () => {
    const claims = { roles: ['finance', 'legal', 'admin', 'auditor', 'Finance'], role: 'legal' };
    expect(read(claims, {}, { roleAllowList: ['finance'] })).toMatchObject({
      roles: ['finance', 'admin', 'auditor'],
      defaultRole: undefined,
    });
  });

  it.each<[Json]>([
    [{ realm_access: [] }],
    [{ realm_access: 'admin' }],
    [{ realm_access: null }],
    [{ realm_access: { roles: 'admin' } }],
    [{ realm_access: { roles: { 0: 'admin' } } }],
    [{ resource_access: [] }],
    [{ resource_access: { mesh: ['admin'] } }],
    [{ resource_access: { mesh: { roles: [1] } } }],
    [{ roles: 'admin' }],
    [{ roles: ['finance', ['admin']] }],
    [{ roles: [null] }],
    [{ role: ['admin'] }],
    [{ role: null }],
  ])('are refused when malformed: %j', (claims) => {
    expect(refusal(() => read(claims))).toContain('role claims of the token are malformed');
  });

  it.each<[Json]>([
    [{ realm_access: {} }],
    [{ resource_access: {} }],
    [{ resource_access: { mesh: {} } }],
    [{ roles: [] }],
  ])('may be none: %j', (claims) => {
    expect(read(claims).roles).toEqual([]);
  });

  it.each<[string, Json]>([
    ['groups', { groups: ['finance', 'legal'] }],
    ['groups', { groups: 'finance  legal ' }],
    ['https://example.com/roles', { 'https://example.com/roles': ['finance', 'legal'] }],
    ['realm_access.roles', { realm_access: { roles: ['finance', 'legal'] } }],
    [
      'resource_access.agent-mesh.roles',
      { resource_access: { 'agent-mesh': { roles: ['finance', 'legal'] } } },
    ],
    [
      'resource_access.my.mesh.roles',
      { resource_access: { 'my.mesh': { roles: 'finance legal' } } },
    ],
    ['https://example.com/mesh.roles', { 'https://example.com/mesh': { roles: 'finance legal' } }],
    ['a.b', { 'a.b': ['finance', 'legal'], a: { b: ['admin'] } }],
  ])('are those of the claim %s alone, where it is configured: %j', (rolesClaim, claims) => {
    const elsewhere = { roles: ['admin'], role: 'auditor' };
    expect(read({ ...elsewhere, ...claims }, {}, { rolesClaim })).toMatchObject({
      roles: ['finance', 'legal'],
      defaultRole: undefined,
    });
  });

  it.each<[string, Json]>([
    ['groups', {}],
    ['groups', { groups: [] }],
    ['groups', { groups: '' }],
    ['constructor.name', {}],
    ['realm_access.roles', { realm_access: {} }],
    ['realm_access.roles', { roles: ['admin'], 'realm_access.role': ['admin'] }],
  ])('are none where the claim %s has none: %j', (rolesClaim, claims) => {
    expect(read(claims, {}, { rolesClaim }).roles).toEqual([]);
  });

  it.each<[string, Json]>([
    ['groups', { groups: 7 }],
    ['groups', { groups: null }],
    ['groups', { groups: { 0: 'admin' } }],
    ['groups', { groups: ['finance', 7] }],
    ['realm_access.roles', { realm_access: 'admin' }],
    ['realm_access.roles', { realm_access: [] }],
    ['realm_access.roles', { realm_access: { roles: true } }],
  ])('are refused where the claim %s is malformed: %j', (rolesClaim, claims) => {
    expect(refusal(() => read(claims, {}, { rolesClaim }))).toContain('malformed');
  });

  it.each<[string, Json, string[], string | undefined]>([
    ['the first of the precedence', {}, ['legal', 'finance'], 'legal'],
    ['the first that it holds', {}, ['manager', 'finance'], 'finance'],
    ['the claim `role` first of all', { role: 'finance' }, ['legal'], 'finance'],
    ['none where none is held', {}, ['manager'], undefined],
    ['none without a precedence', {}, [], undefined],
  ])('act by default as %s', (_, claims, rolePrecedence, defaultRole) => {
    const agent = read({ roles: ['finance', 'legal'], ...claims }, {}, { rolePrecedence });
    expect(agent.defaultRole).toBe(defaultRole);
    const reversed = read({ roles: ['legal', 'finance'], ...claims }, {}, { rolePrecedence });
    expect(reversed.defaultRole).toBe(defaultRole);
  });

  it('are not read from what every object inherits', () => {
    expect(read({ resource_access: {} }).roles).toEqual([]);
    const claims = { aud: 'constructor', resource_access: {} };
    expect(
      read(claims, {}, { audiences: ['constructor'], clients: ['constructor'] }).roles,
    ).toEqual([]);
  });
});

const CLAIMS = [
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'nbf', 'typ', 'nonce', 'at_hash', 'c_hash', 'cnf'],
  ...['realm_access', 'resource_access', 'roles', 'role', '__proto__', 'constructor'],
];

import { describe, expect, it } from '@jest/globals';
import {
  actingRole,
  defaultActingRole,
  namedRoles,
  usableRoles,
  withStoredSpellings,
} from './roles.js';

const agent = (roles: string[], defaultRole?: string) => ({ subject: 'i#s', roles, defaultRole });

describe('usable roles', () => {
  it.each([
    ['kept once, in order', ['b', 'a', 'b'], ['b', 'a']],
    ['case-sensitive', ['Finance', 'finance'], ['Finance', 'finance']],
    ['without white space around them', [' finance', 'finance\t', ' '], []],
    ['up to 50 characters', ['x'.repeat(50), 'x'.repeat(51), ''], ['x'.repeat(50)]],
    ['counted in characters, as Postgres does', ['😀'.repeat(50)], ['😀'.repeat(50)]],
    ['printable', ['a\nb', 'a\u0000', 'a\u200b', 'a\ud800', 'R&D Übersee'], ['R&D Übersee']],
    ['in one spelling', ['Gro\u0308\u00dfe', 'Größe'], ['Größe']],
    ['those of earlier versions too', ['R,D', '❤\ufe0f'], ['R,D', '❤\ufe0f']],
    ['without Keycloak’s own', ['offline_access', 'uma_authorization', 'default-roles-x'], []],
    ['without system', ['system', 'System'], ['System']],
  ])('are %s', (_, names, kept) => {
    expect(usableRoles(names, [])).toEqual(kept);
  });

  it('are those of the allow-list, and admin and auditor, but never system', () => {
    const names = ['finance', 'legal', 'admin', 'auditor', 'system'];
    expect(usableRoles(names, ['finance', 'system'])).toEqual(['finance', 'admin', 'auditor']);
  });
});

describe('the spellings of roles', () => {
  const roles = withStoredSpellings(['finance', 'Größe']);

  it('are those that may be stored', () => {
    expect(roles).toEqual(['finance', 'Größe', 'Gro\u0308\u00dfe']);
    expect(namedRoles({ roles })).toEqual(['finance', 'Größe']);
  });

  it('do not make a second role to choose from', () => {
    expect(defaultActingRole(agent(withStoredSpellings(['Größe'])))).toBe('Größe');
    expect(() => actingRole(agent(roles))).toThrow('one of: finance, Größe');
  });
});

describe('the acting role', () => {
  it.each([
    ['the one named', agent(['finance', 'legal'], 'finance'), 'legal', 'legal'],
    ['a reserved one named', agent(['finance', 'admin']), 'admin', 'admin'],
    ['the default', agent(['finance', 'legal'], 'legal'), undefined, 'legal'],
    ['the only one', agent(['finance']), undefined, 'finance'],
    ['the only org role', agent(['admin', 'finance', 'auditor']), undefined, 'finance'],
    ['admin without org roles', agent(['auditor', 'admin']), undefined, 'admin'],
    ['auditor alone', agent(['auditor']), undefined, 'auditor'],
  ])('is %s', (_, who, named, role) => {
    expect(actingRole(who, named)).toBe(role);
  });

  it('is refused when it is named and not held, without repeating it', () => {
    for (const named of ['legal', 'Finance', '']) {
      expect(() => actingRole(agent(['finance']), named)).toThrow(
        expect.objectContaining({
          code: 'auth.role_not_held',
          detail: 'The token does not carry the named role. GET /me returns its roles.',
        }),
      );
    }
  });

  it('has to be named by an agent with several, who is told its own', () => {
    expect(defaultActingRole(agent(['finance', 'legal']))).toBeUndefined();
    expect(() => actingRole(agent(['finance', 'legal', 'admin']))).toThrow(
      expect.objectContaining({
        code: 'auth.role_ambiguous',
        detail: 'Name the role to act for. It must be one of: finance, legal, admin.',
      }),
    );
  });

  it('is refused to an agent without any', () => {
    expect(() => actingRole(agent([]))).toThrow(
      expect.objectContaining({ code: 'auth.role_not_held' }),
    );
  });
});

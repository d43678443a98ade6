import { describe, expect, it } from '@jest/globals';
import { parseRolesMap } from './roles-map.js';

describe('parseRolesMap', () => {
  it.each<[string, Record<string, string[]>]>([
    ['a=finance', { a: ['finance'] }],
    [' a = finance , b=legal,a=manager,', { a: ['finance', 'manager'], b: ['legal'] }],
    ['cn=mesh finance=finance', { 'cn=mesh finance': ['finance'] }],
    [
      '{"cn=a,ou=b":"finance","c":["legal","manager"]}',
      { 'cn=a,ou=b': ['finance'], c: ['legal', 'manager'] },
    ],
  ])('reads %s', (text, roles) => {
    expect(Object.fromEntries(parseRolesMap(text))).toEqual(roles);
  });

  it.each([
    'a',
    '=finance',
    'a=',
    ',',
    '{',
    '{}',
    '[]',
    '{"a":1}',
    '{"a":[1]}',
    `a=${'x'.repeat(51)}`,
  ])('refuses %s', (text) => {
    expect(() => parseRolesMap(text)).toThrow('OIDC_ROLES_MAP must hold pairs');
  });
});

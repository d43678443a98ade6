import { describe, expect, it } from '@jest/globals';
import { renameAliases, withoutNullMembers } from './aliases.js';

const ALIASES = { agent_role: 'role', sessionId: 'id' };

describe('Aliases', () => {
  it.each<[body: unknown, renamed: unknown]>([
    [{ agent_role: 'finance' }, { role: 'finance' }],
    [
      { role: 'finance', other: 1 },
      { role: 'finance', other: 1 },
    ],
    [{ role: 'finance', agent_role: 'finance' }, { role: 'finance' }],
    [{ agent_role: null }, { role: null }],
    [
      { toString: 1, constructor: 2 },
      { toString: 1, constructor: 2 },
    ],
    [{}, {}],
    [null, null],
    [['agent_role'], ['agent_role']],
    ['agent_role', 'agent_role'],
    [undefined, undefined],
  ])('make %j into %j', (body, renamed) => {
    expect(renameAliases(body, ALIASES)).toEqual(renamed);
  });

  it('are refused where they say something else than the member', () => {
    expect(() => renameAliases({ role: 'finance', agent_role: 'legal' }, ALIASES)).toThrow(
      expect.objectContaining({
        extras: {
          errors: [{ pointer: '/agent_role', message: 'agent_role and role must not differ' }],
        },
      }),
    );
  });

  it('leave the body of the caller as it is', () => {
    const body = Object.freeze({ agent_role: 'finance' });
    renameAliases(body, ALIASES);
    expect(body).toEqual({ agent_role: 'finance' });
  });
});

describe('Members that are null', () => {
  it('are left out, at the top only', () => {
    expect(withoutNullMembers({ a: null, b: 0, c: '', d: false, e: { f: null } })).toEqual({
      b: 0,
      c: '',
      d: false,
      e: { f: null },
    });
  });
});

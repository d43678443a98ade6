import { describe, expect, it } from '@jest/globals';
import { parseEnvironment } from '../config/parse-environment.js';
import { tokenArguments } from './token-arguments.js';

const read = (line: string, variables: Record<string, string> = {}) =>
  tokenArguments(line === '' ? [] : line.split(' '), parseEnvironment(variables));

describe('the arguments of the token command', () => {
  it('are roles, and the rest by default', () => {
    expect(read('finance manager')).toEqual({
      roles: ['finance', 'manager'],
      sub: undefined,
      expiresInSeconds: 8 * 3600,
      issuer: undefined,
      audience: undefined,
    });
  });

  it.each([
    ['90s', 90],
    ['30m', 1800],
    ['8h', 28_800],
    ['365d', 31_536_000],
  ])('take a duration of %s', (duration, expiresInSeconds) => {
    expect(read(`finance --sub ada --expires ${duration}`)).toMatchObject({
      sub: 'ada',
      expiresInSeconds,
    });
  });

  it('take issuer and audience from the environment', () => {
    const variables = { OIDC_ISSUER_URL: 'https://id.example.com', OIDC_AUDIENCE: 'mesh' };
    expect(read('finance', variables)).toMatchObject({
      issuer: 'https://id.example.com',
      audience: 'mesh',
    });
  });

  it.each([
    ['no role', '', 'at least one role'],
    ['a reserved role', 'system', 'the roles must be'],
    ['a role twice', 'finance finance', 'the roles must be'],
    ['a role outside ROLES', 'legal', 'the roles must be'],
    ['an unknown flag', 'finance --admin', "Unknown option '--admin'"],
    ['a flag without its value', 'finance --sub', '--sub'],
    ['an empty sub', 'finance --sub=', '--sub must have'],
    ['a long sub', `finance --sub ${'x'.repeat(256)}`, '--sub must have'],
    ['no duration', 'finance --expires soon', '--expires must be'],
    ['no time at all', 'finance --expires 0h', '--expires must be'],
    ['a time before now', 'finance --expires=-1h', '--expires must be'],
    ['more than a year', 'finance --expires 366d', '--expires must be'],
    ['no unit', 'finance --expires 8', '--expires must be'],
  ])('are refused: %s', (_, line, message) => {
    expect(() => read(line, { ROLES: 'finance' })).toThrow(message);
  });
});

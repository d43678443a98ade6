import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { AreTaskTypes, IsJsonObject, IsNotBlank, IsRoleName, IsTimestamp } from './validators.js';

class Input {
  @IsRoleName()
  role: unknown = 'finance';

  @AreTaskTypes()
  types: unknown = ['budget_approval'];

  @IsJsonObject()
  data: unknown = {};

  @IsNotBlank()
  reason: unknown = 'The budget was cut';

  @IsTimestamp()
  at: unknown = '2026-01-31T12:00:00Z';
}

function problemsOf(member: Partial<Input>): string[] {
  return validateSync(Object.assign(new Input(), member)).flatMap(({ constraints }) =>
    Object.values(constraints ?? {}),
  );
}

describe('A role name', () => {
  it.each([
    'a',
    'finance',
    'Legal & Compliance',
    'größe',
    '財務',
    '👩',
    'x'.repeat(50),
    '👩'.repeat(50),
  ])('is %j', (role) => {
    expect(problemsOf({ role })).toEqual([]);
  });

  it.each([
    '',
    'x'.repeat(51),
    'a\nb',
    'a\u0000',
    '\u200b',
    ' ',
    'a ',
    '\u00a0a',
    'a\u2028b',
    7,
    null,
    undefined,
    ['a'],
    {},
  ])('is not %j', (role) => {
    expect(problemsOf({ role })).toEqual([
      'role must be a role name: 1 to 50 printable characters, without white space around them',
    ]);
  });
});

describe('Names', () => {
  it('are refused with a comma, which would make two of one in a list', () => {
    expect(problemsOf({ role: 'a,b', types: ['a', 'b,c'] })).toEqual([
      'role must not contain a comma',
      'each of types must not contain a comma',
    ]);
  });

  it('are refused each', () => {
    expect(problemsOf({ types: ['a', 'b\nc'] })).toEqual([
      'each of types must be a task type: 1 to 50 printable characters, without white space around them',
    ]);
  });

  it('are in NFC from here on', () => {
    const { role, types } = plainToInstance(Input, { role: 'a\u0308', types: ['a\u0308', 7] });

    expect(role).toBe('ä');
    expect(types).toEqual(['ä', 7]);
  });
});

describe('A JSON object', () => {
  it.each([{}, { a: 1 }])('is %j', (data) => {
    expect(problemsOf({ data })).toEqual([]);
  });

  it.each([[], [{}], 'x', 7, true, null, undefined])('is not %j', (data) => {
    expect(problemsOf({ data })).toEqual(['data must be a JSON object']);
  });
});

describe('A text that must not be blank', () => {
  it.each(['', ' ', '\u200b', '\u3164\n', 7, null])('is not %j', (reason) => {
    expect(problemsOf({ reason })).toEqual(['reason must have visible characters']);
  });
});

describe('A time', () => {
  it.each([
    '2026-01-31T12:00:00Z',
    '2026-01-31T12:00:00.123456789Z',
    '2026-01-31T12:00:00+05:30',
    '2024-02-29T23:59:59-12:00',
    '0001-01-01T00:00:00Z',
  ])('is %s', (at) => {
    expect(problemsOf({ at })).toEqual([]);
  });

  it.each([
    '2026-01-31',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59-14:00',
    '2026-01-31T12:00:00',
    '2026-01-31 12:00:00Z',
    '2026-02-30T12:00:00Z',
    '2025-02-29T12:00:00Z',
    '2026-13-01T12:00:00Z',
    '2026-01-31T25:00:00Z',
    '2026-01-31T12:60:00Z',
    '2026-01-31T12:00:00z',
    '+002026-01-31T12:00:00Z',
    'yesterday',
    '',
    1_769_860_800,
    null,
  ])('is not %j', (at) => {
    expect(problemsOf({ at })).toEqual([
      'at must be a time such as 2026-01-31T12:00:00Z (RFC 3339)',
    ]);
  });
});

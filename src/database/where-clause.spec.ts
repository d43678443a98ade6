import { describe, expect, it } from '@jest/globals';
import { WhereClause } from './where-clause.js';

describe('The conditions of a query', () => {
  it('are nothing when there are none', () => {
    expect(String(new WhereClause())).toBe('');
  });

  it('are numbered in the order in which they are added', () => {
    const where = new WhereClause().and('a = ?', 1).and('(b, c) < (?::int, ?)', 2, 'three');

    expect(String(where)).toBe('WHERE a = $1 AND (b, c) < ($2::int, $3)');
    expect(where.parameters).toEqual([1, 2, 'three']);
  });

  it('leave out one of which a value is not given, with its other values', () => {
    const where = new WhereClause()
      .and('a = ?', undefined)
      .and('b = ? OR c = ?', 1, undefined)
      .and('d = ?', 2);

    expect(String(where)).toBe('WHERE d = $1');
    expect(where.parameters).toEqual([2]);
  });

  it.each([null, false, 0, ''])('keep %j, which is a value', (value) => {
    expect(new WhereClause().and('a IS NOT DISTINCT FROM ?', value).parameters).toEqual([value]);
  });

  it('share their numbers with further parameters', () => {
    const where = new WhereClause();
    const limit = where.and('a = ?', 1).bind(20);

    expect(`${where.toString()} LIMIT ${limit}`).toBe('WHERE a = $1 LIMIT $2');
    expect(where.parameters).toEqual([1, 20]);
  });
});

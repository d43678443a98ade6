import { describe, expect, it } from '@jest/globals';
import { isPriority, PRIORITIES, rankOf } from './priority.js';

describe('A priority', () => {
  it('ranks above those that are less urgent', () => {
    expect(PRIORITIES.map(rankOf)).toEqual([0, 1, 2]);
    expect(rankOf('high')).toBeGreaterThan(rankOf('normal'));
    expect(rankOf('normal')).toBeGreaterThan(rankOf('low'));
  });

  it.each([...PRIORITIES])('is %s', (name) => {
    expect(isPriority(name)).toBe(true);
  });

  it.each([undefined, null, 1, '', 'High', 'urgent', ['high'], { high: true }])(
    'is not %j',
    (value) => {
      expect(isPriority(value)).toBe(false);
    },
  );
});

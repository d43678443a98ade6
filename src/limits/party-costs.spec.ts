import { describe, expect, it } from '@jest/globals';
import { PartyCosts } from './party-costs.js';

function costsOf(requests: Record<string, readonly [count: number, bytes: number]>): PartyCosts {
  const costs = new PartyCosts();
  for (const [party, [count, bytes]] of Object.entries(requests))
    for (let sent = 0; sent < count; sent += 1) costs.add(party, bytes);
  return costs;
}

describe('PartyCosts', () => {
  it.each<[string, Record<string, readonly [number, number]>, string[]]>([
    ['many large bodies', { busy: [200, 2 ** 20], calm: [5, 0] }, ['busy']],
    ['many requests', { busy: [2_000, 100], calm: [5, 2 ** 20] }, ['busy']],
    ['one party alone', { busy: [2_000, 2 ** 20] }, []],
    ['parties of equal weight', { one: [200, 0], two: [200, 0] }, []],
    ['three of four', { a: [99, 0], b: [99, 0], c: [99, 0], d: [1, 0] }, ['a', 'b', 'c']],
  ])('marks the parties above their share: %s', (_, requests, heavy) => {
    const costs = costsOf(requests);
    costs.measure(true);
    expect(Object.keys(requests).filter((party) => costs.isHeavy(party))).toEqual(heavy);
  });

  it('marks nothing while the process has time', () => {
    const costs = costsOf({ busy: [200, 2 ** 20], calm: [5, 0] });
    costs.measure(false);
    expect(costs.isHeavy('busy')).toBe(false);
  });

  it('marks a party no longer than it is heavy', () => {
    const costs = costsOf({ busy: [200, 2 ** 20], calm: [5, 0] });
    costs.measure(true);
    costs.measure(true);
    expect(costs.isHeavy('busy')).toBe(false);
  });
});

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

  it('does not count a request that was taken back', () => {
    const costs = costsOf({ address: [2_000, 2 ** 20], subject: [5, 0], other: [5, 0] });
    for (let sent = 0; sent < 2_000; sent += 1) costs.takeBack('address', 2 ** 20);
    costs.measure(true);
    expect(['address', 'subject', 'other'].filter((party) => costs.isHeavy(party))).toEqual([]);
  });

  it('ignores the request of an earlier measurement that is taken back', () => {
    const costs = costsOf({ address: [5, 0] });
    costs.measure(true);
    costs.takeBack('address', 0);
    costs.add('busy', 2 ** 20);
    costs.add('calm', 0);
    costs.measure(true);
    expect(['busy', 'calm'].filter((party) => costs.isHeavy(party))).toEqual(['busy']);
  });

  it('permits some verifications of each party in a measurement', () => {
    const costs = new PartyCosts();
    const permitted = (party: string): number =>
      Array.from({ length: 500 }, () => costs.takeVerification(party)).filter(Boolean).length;
    expect([permitted('one'), permitted('other'), permitted('one')]).toEqual([100, 100, 0]);
    costs.measure(false);
    expect(permitted('one')).toBe(100);
  });
});

import { describe, expect, it } from '@jest/globals';
import { backoffSeconds } from './backoff.js';

describe('The pause before the next attempt', () => {
  it.each([
    [1, 0.5, 1],
    [2, 1, 2],
    [3, 2, 4],
    [9, 128, 256],
    [10, 150, 300],
    [100, 150, 300],
    [2_000, 150, 300],
  ])('after %i lost is from %d to %d seconds', (lost, least, most) => {
    expect(backoffSeconds(lost, () => 0)).toBe(least);
    expect(backoffSeconds(lost, () => 1)).toBe(most);
  });

  it('is not the same for tasks that are lost together', () => {
    const pauses = Array.from({ length: 100 }, () => backoffSeconds(5));
    expect(new Set(pauses).size).toBeGreaterThan(90);
    for (const pause of pauses) expect(pause).toBeGreaterThanOrEqual(8);
    for (const pause of pauses) expect(pause).toBeLessThanOrEqual(16);
  });
});

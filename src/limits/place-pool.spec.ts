import { describe, expect, it } from '@jest/globals';
import { PlacePool } from './place-pool.js';

function takeAll(pool: PlacePool, party: string): number {
  let taken = 0;
  while (pool.take(party)) taken += 1;
  return taken;
}

describe('PlacePool', () => {
  it.each([1, 2, 3, 5, 8])('gives all of %d places to one subject', (size) => {
    expect(takeAll(new PlacePool(size), 'a')).toBe(size);
  });

  it('leaves a ninth of many places to others', () => {
    const pool = new PlacePool(900);
    expect(takeAll(pool, 'a')).toBe(800);
    expect(pool.take('b')).toBe(true);
    expect(pool.used).toBe(801);
  });

  it('leaves places to others, however many parties take their share', () => {
    const pool = new PlacePool(1_000);
    for (let round = 0; round < 1_000; round += 1)
      for (let party = 0; party < 10; party += 1) pool.take(`p${party}`);
    expect(pool.isFull).toBe(false);
    expect(pool.take('another')).toBe(true);
  });

  it('gives a place back', () => {
    const pool = new PlacePool(2);
    expect([pool.take('a'), pool.take('b'), pool.take('c')]).toEqual([true, true, false]);
    expect([pool.isFull, pool.isCrowded]).toEqual([true, true]);
    pool.leave('a');
    pool.leave('b');
    expect([pool.used, pool.isFull, pool.isCrowded]).toEqual([0, false, false]);
    expect(takeAll(pool, 'c')).toBe(2);
  });
});

import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import type { Count } from '../redis/redis-cache.service.js';
import { type SharedCount, WindowCounter } from './window-counter.js';

/** A counter on a clock of its own. */
function counter(shared?: SharedCount, maxKeys?: number) {
  const clock = { now: 0 };
  return { clock, sut: new WindowCounter(1_000, shared, maxKeys, () => clock.now) };
}

/** What several processes would share. */
function redis(clock: { now: number }): SharedCount {
  const windows = new Map<string, Count & { endsAt: number }>();
  return (key, windowMs, by) => {
    const known = windows.get(key);
    const window =
      known && known.endsAt > clock.now
        ? known
        : { count: 0, msLeft: 0, endsAt: clock.now + windowMs };
    window.count += by;
    windows.set(key, window);
    return Promise.resolve({ count: window.count, msLeft: window.endsAt - clock.now });
  };
}

describe('A window', () => {
  it('counts each key by itself, until it ends', () => {
    const { clock, sut } = counter();
    expect(sut.hit('a', 5)).toEqual({ count: 1, msLeft: 1_000 });
    clock.now = 400;
    expect(sut.hit('a', 5)).toEqual({ count: 2, msLeft: 600 });
    expect(sut.hit('b', 5)).toEqual({ count: 1, msLeft: 1_000 });
    clock.now = 1_000;
    expect(sut.hit('a', 5)).toEqual({ count: 1, msLeft: 1_000 });
  });

  it('forgets the oldest key before it remembers too many', () => {
    const { sut } = counter(undefined, 2);
    for (const key of ['a', 'b', 'c']) sut.hit(key, 5);
    expect(sut.hit('b', 5).count).toBe(2);
    expect(sut.hit('a', 5).count).toBe(1);
  });

  it('is one for all that share it', async () => {
    const clock = { now: 0 };
    const shared = redis(clock);
    const [one, other] = [shared, shared].map(
      (each) => new WindowCounter(1_000, each, 10, () => clock.now),
    );
    one?.hit('a', 10);
    one?.hit('a', 10);
    clock.now = 300;
    other?.hit('a', 10);
    await turn();
    expect(other?.hit('a', 10)).toEqual({ count: 4, msLeft: 700 });
    one?.hit('a', 10);
    await turn();
    expect(one?.hit('a', 10).count).toBe(6);
  });

  it('tells others nothing of what is over the limit anyway', () => {
    const told: string[] = [];
    const { sut } = counter((key) => {
      told.push(key);
      return Promise.resolve(undefined);
    });
    for (let sent = 0; sent < 5; sent++) sut.hit('a', 2);
    expect(told).toEqual(['a', 'a']);
  });

  it('tells others of the first, and then at every hundredth of the limit', async () => {
    const told: number[] = [];
    let isAway = false;
    const { sut } = counter((_key, _windowMs, by) => {
      told.push(by);
      return Promise.resolve(isAway ? undefined : { count: 0, msLeft: 1_000 });
    });
    const hit = async (times: number): Promise<void> => {
      for (let sent = 0; sent < times; sent++) sut.hit('a', 1_000);
      await turn();
    };
    await hit(25);
    isAway = true;
    await hit(10);
    isAway = false;
    await hit(1);
    expect(told).toEqual([1, 10, 10, 10, 15]);
  });

  it('goes on alone while nobody can tell', async () => {
    const { sut } = counter(() => Promise.resolve(undefined));
    sut.hit('a', 5);
    await turn();
    expect(sut.hit('a', 5).count).toBe(2);
  });
});

import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { KeyedMutex, MutexTimeout } from './keyed-mutex.js';

const LONG = 10_000;

describe('KeyedQueue', () => {
  let sut: KeyedMutex;

  beforeEach(() => {
    sut = new KeyedMutex();
  });

  it('gives what the work gives', async () => {
    await expect(sut.run('a', LONG, () => Promise.resolve(17))).resolves.toBe(17);
  });

  it('runs one piece of work per scope at a time, in the order in which they came', async () => {
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const work = (number: number) => async () => {
      most = Math.max(most, ++running);
      await sleep(1);
      order.push(number);
      running--;
    };
    const numbers = Array.from({ length: 20 }, (_, index) => index);
    await Promise.all(numbers.map((number) => sut.run('a', LONG, work(number))));
    expect(order).toEqual(numbers);
    expect(most).toBe(1);
  });

  it('runs other scopes meanwhile', async () => {
    const held = gate();
    const first = sut.run('a', LONG, () => held.opened);
    await expect(sut.run('b', 0, () => Promise.resolve('b'))).resolves.toBe('b');
    held.open();
    await first;
  });

  it('gives a failed one’s turn to the next, and the failure to its own caller only', async () => {
    const outcomes = await Promise.allSettled([
      sut.run('a', LONG, () => Promise.reject(new Error('first'))),
      sut.run('a', LONG, () => {
        throw new Error('second');
      }),
      sut.run('a', LONG, () => Promise.resolve('third')),
    ]);
    expect(outcomes).toEqual([
      { status: 'rejected', reason: new Error('first') },
      { status: 'rejected', reason: new Error('second') },
      { status: 'fulfilled', value: 'third' },
    ]);
    expect(sut.size).toBe(0);
  });

  it('lets a waiter go when its time is up, without starting its work', async () => {
    const held = gate();
    const first = sut.run('a', LONG, () => held.opened);
    let started = false;
    const impatient = sut.run('a', 20, () => {
      started = true;
      return Promise.resolve();
    });
    await expect(impatient).rejects.toThrow(MutexTimeout);
    held.open();
    await first;
    await sleep(5);
    expect(started).toBe(false);
    expect(sut.size).toBe(0);
  });

  it('passes over a waiter that has gone', async () => {
    const held = gate();
    const first = sut.run('a', LONG, () => held.opened);
    const impatient = sut.run('a', 20, () => Promise.resolve('impatient'));
    const patient = sut.run('a', LONG, () => Promise.resolve('patient'));
    await expect(impatient).rejects.toThrow(MutexTimeout);
    held.open();
    await expect(patient).resolves.toBe('patient');
    await first;
  });

  it('counts the time of waiting and not that of working', async () => {
    const work = () => sleep(60, 'done');
    await expect(sut.run('a', 10, work)).resolves.toBe('done');
  });

  it('keeps nothing of a scope that is idle', async () => {
    const held = gate();
    const all = Array.from({ length: 100 }, (_, index) =>
      sut.run(`scope-${index % 10}`, LONG, () => held.opened),
    );
    expect(sut.size).toBe(10);
    held.open();
    await Promise.all(all);
    expect(sut.size).toBe(0);
  });

  it('takes a scope again that was idle', async () => {
    await sut.run('a', LONG, () => Promise.resolve());
    await expect(sut.run('a', 0, () => Promise.resolve('again'))).resolves.toBe('again');
  });

  it('lets ten thousand waiters through or go', async () => {
    const held = gate();
    const first = sut.run('a', LONG, () => held.opened);
    const waiters = Array.from({ length: 10_000 }, (_, index) =>
      sut.run('a', index % 2 === 0 ? 5 : LONG, () => Promise.resolve()),
    );
    const settled = Promise.allSettled(waiters);
    await sleep(50);
    held.open();
    await first;
    const outcomes = await settled;
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(5000);
    expect(sut.size).toBe(0);
  });

  it('runs each piece of work under the context of its own caller', async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen = () => sleep(1).then(() => storage.getStore());
    const results = await Promise.all(
      ['one', 'two', 'three'].map((name) => storage.run(name, () => sut.run('a', LONG, seen))),
    );
    expect(results).toEqual(['one', 'two', 'three']);
  });
});

function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    opened,
    open: () => {
      open();
    },
  };
}

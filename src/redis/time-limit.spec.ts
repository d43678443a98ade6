import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TimeLimitError, TimeLimit } from './time-limit.js';

const never = new Promise<never>(() => undefined);

describe('a time limit', () => {
  let limit: TimeLimit;

  beforeEach(() => {
    limit = new TimeLimit(100);
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('gives what comes in time, and what fails in time', async () => {
    await expect(limit.around(Promise.resolve(1))).resolves.toBe(1);
    await expect(limit.around(Promise.reject(new Error('no')))).rejects.toThrow('no');
  });

  it('ends each at its own time, with one timer', async () => {
    const late: string[] = [];
    const wait = (name: string): void => {
      limit.around(never).catch((error: unknown) => {
        if (error instanceof TimeLimitError) late.push(name);
      });
    };
    wait('first');
    await jest.advanceTimersByTimeAsync(60);
    wait('second');
    wait('third');
    expect(jest.getTimerCount()).toBe(1);
    await jest.advanceTimersByTimeAsync(39);
    expect(late).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(late).toEqual(['first']);
    await jest.advanceTimersByTimeAsync(59);
    expect(late).toEqual(['first']);
    await jest.advanceTimersByTimeAsync(1);
    expect(late).toEqual(['first', 'second', 'third']);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('begins again after it has had nothing to wait for', async () => {
    await limit.around(Promise.resolve());
    await jest.advanceTimersByTimeAsync(100);
    expect(jest.getTimerCount()).toBe(0);
    const waits = expect(limit.around(never)).rejects.toThrow(TimeLimitError);
    await jest.advanceTimersByTimeAsync(100);
    await waits;
  });

  it('does not mind what fails when it is late already', async () => {
    const work = new Promise<never>((_, reject) => {
      setTimeout(reject, 150, new Error('connection lost'));
    });
    const waits = expect(limit.around(work)).rejects.toThrow(TimeLimitError);
    await jest.advanceTimersByTimeAsync(100);
    await waits;
    await jest.advanceTimersByTimeAsync(50);
  });
});

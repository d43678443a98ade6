import { describe, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import { TimeLimitError, withTimeLimit } from './time-limit.js';

const aborted = async (signal: AbortSignal): Promise<never> => {
  await once(signal, 'abort');
  throw signal.reason;
};

describe('withTimeLimit', () => {
  const never = new AbortController().signal;

  it('returns the result, and leaves no timer', async () => {
    jest.useFakeTimers();
    expect(await withTimeLimit(1_000, never, () => Promise.resolve(7))).toBe(7);
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  it('aborts the signal after the time', async () => {
    const work = withTimeLimit(20, never, aborted);
    await expect(work).rejects.toEqual(new TimeLimitError(20));
  });

  it('aborts the signal together with the other one', async () => {
    const other = new AbortController();
    const work = withTimeLimit(60_000, other.signal, aborted);
    other.abort(new Error('stopping'));
    await expect(work).rejects.toThrow('stopping');
  });

  it('calls the function with an aborted signal if the other one is', async () => {
    const signals: AbortSignal[] = [];
    await withTimeLimit(60_000, AbortSignal.abort(), (signal) => {
      signals.push(signal);
      return Promise.resolve();
    });
    expect(signals[0]?.aborted).toBe(true);
  });
});

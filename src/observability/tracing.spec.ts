import { describe, expect, it } from '@jest/globals';
import { withRequestContext } from './request-context.js';
import {
  activeSpanIds,
  currentTraceparent,
  flushSpans,
  hasTracer,
  inSpan,
  traceHeaders,
} from './tracing.js';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('Without an SDK', () => {
  it('work runs without a span, and its result and its error are the same', async () => {
    const error = new Error('no');
    expect(hasTracer()).toBe(false);
    expect(await inSpan('work', {}, (span) => Promise.resolve(span))).toBeUndefined();
    await expect(inSpan('work', {}, () => Promise.reject(error))).rejects.toBe(error);
    expect(activeSpanIds()).toEqual({});
    expect(traceHeaders()).toEqual({});
    await flushSpans();
  });

  it('the traceparent of the request is passed on', () => {
    expect(currentTraceparent()).toBeNull();
    const context = { traceId: '4bf92f35-77b3-4da6-a3ce-929d0e0e4736', traceparent: TRACEPARENT };
    expect(withRequestContext(context, currentTraceparent)).toBe(TRACEPARENT);
  });

  it('a span costs less than 20 microseconds, of rounds with and without it in turn', async () => {
    const work = (): Promise<void> => Promise.resolve();
    const inOne = (): Promise<void> => inSpan('work', {}, work);
    const differences: number[] = [];
    for (let round = 0; round < 15; round += 1) {
      const [without, with_] = [await timeOf(work), await timeOf(inOne)];
      differences.push(with_ - without);
    }
    const [median = Infinity] = differences.sort((a, b) => a - b).slice(7);
    expect(median).toBeLessThan(20);
  });
});

/** Returns the microseconds of one call, of 2,000. */
async function timeOf(call: () => Promise<void>): Promise<number> {
  const calls = 2_000;
  const began = performance.now();
  for (let n = 0; n < calls; n += 1) await call();
  return ((performance.now() - began) * 1_000) / calls;
}

import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { patience, patient } from '../support/patience.js';

describe('the limits of time of the tests', () => {
  const measured = process.env.TEST_SLOWNESS;

  afterEach(() => {
    process.env.TEST_SLOWNESS = measured;
  });

  it('are measured at the start of a run', () => {
    expect(Number(measured)).toBeGreaterThan(0);
  });

  it.each([
    ['6', 6],
    ['100', 10],
  ])('grow with a slowness of %s to at least %s times, and never shrink', (slowness, factor) => {
    process.env.TEST_SLOWNESS = '0.2';
    expect(patience()).toBeGreaterThanOrEqual(1);

    process.env.TEST_SLOWNESS = slowness;
    expect(patience()).toBeGreaterThanOrEqual(factor);
    expect(patience()).toBeLessThanOrEqual(10);
    expect(patient(2_000)).toBeGreaterThanOrEqual(2_000 * factor);
  });

  it('apply to waits', async () => {
    process.env.TEST_SLOWNESS = '4';
    const started = performance.now();
    await eventually(() => false, Boolean, 50);

    expect(performance.now() - started).toBeGreaterThanOrEqual(200);
  });
});

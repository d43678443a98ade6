import { describe, expect, it } from '@jest/globals';
import { times, useApp } from '../support/kit.js';
import { Payments } from '../support/payments.js';

const TASKS = 100;

describe('Workers that crash at random', () => {
  const mesh = useApp({ env: { LEASE_MIN_SECONDS: '2', SWEEP_INTERVAL_SECONDS: '1' } });

  it(`do each of ${TASKS} tasks once, at a concurrency of 10, and leave no lease`, async () => {
    const payments = new Payments(mesh);
    const tasks = await Promise.all(times(TASKS, (index) => payments.route(index, 100)));
    payments.approveAll();
    const run = { processes: 3, concurrency: 10, killChance: 0.02 };
    const { crashes } = await payments.runWithCrashes(tasks, run);
    await payments.end();

    expect(crashes).toBeGreaterThan(3);
    await Promise.all(tasks.map((task) => payments.expectOnce(task)));
  }, 900_000);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { patient } from './patience.js';

/** How long a test waits for an effect, in milliseconds; longer on a slow machine. */
const MAX_WAIT_MS = 20_000;
const INTERVAL_MS = 10;

/** Reads a value until it is the expected one, or time is up; returns the last value. */
export async function eventually<T>(
  read: () => Promise<T> | T,
  isExpected: (value: T) => boolean,
  maxWaitMs = MAX_WAIT_MS,
): Promise<T> {
  const deadline = performance.now() + patient(maxWaitMs);
  for (;;) {
    const value = await read();
    if (isExpected(value) || performance.now() > deadline) return value;
    await sleep(INTERVAL_MS);
  }
}

/**
 * Waits until a condition holds.
 *
 * @throws Error when it does not hold in time
 */
export async function until(
  condition: () => Promise<boolean> | boolean,
  maxWaitMs = MAX_WAIT_MS,
): Promise<void> {
  if (!(await eventually(condition, Boolean, maxWaitMs)))
    throw new Error(`The condition does not hold after ${maxWaitMs} ms.`);
}

import { expect } from '@jest/globals';
import type { Pool } from 'pg';
import { tokenFor } from './app.js';
import { Client } from './client.js';
import type { CrashPoint } from './controller-faults.js';
import { type ControllerOptions, ControllerProcess } from './controller-process.js';
import { taskRowCounts, NO_ROWS, ONE_ROW_EACH } from './task-row-counts.js';
import { patient } from './patience.js';

/** A retry is due within a second; the machine may be slow. */
const SETTLES_WITHIN_MS = 3_000;

const COMMITTED: readonly CrashPoint[] = ['after-commit', 'after-redis'];

/**
 * Kills a controller of its own at the point while it routes a task, and sends the request again to `other`, an agent of the same subject: the
 * task must be there once, and be acknowledged at once.
 */
export async function killAndRetry(
  point: CrashPoint,
  key: string,
  options: ControllerOptions,
  other: Client,
  db: Pool,
): Promise<void> {
  const doomed = await ControllerProcess.start({ ...options, crashAt: point });
  const token = tokenFor('finance', 'finance-agent');
  await expect(routeTask(new Client(doomed.url, token), key)).rejects.toThrow('fetch failed');
  await doomed.ended;
  expect(doomed.exitCode).toBeNull();

  const committed = COMMITTED.includes(point);
  expect(await taskRowCounts(db, key)).toEqual(committed ? ONE_ROW_EACH : NO_ROWS);

  const retry = await settle(other, key);
  expect(retry.status).toBe(committed ? 200 : 202);
  expect(retry.headers.get('idempotent-replayed')).toBe(committed ? 'true' : null);
  expect(await taskRowCounts(db, key)).toEqual(ONE_ROW_EACH);

  const again = await routeTask(other, key);
  expect([again.status, again.text]).toEqual([200, retry.text]);
}

/** Routes a task that carries the key of its request, so that it can be found by it. */
export function routeTask(client: Client, key: string) {
  const task = { task_type: 'notification', description: 'kill me', data: { key } };
  return client.post('/tasks/route', { target: 'manager', task }, { 'Idempotency-Key': key });
}

/** Sends the request until its outcome is known, which must not take long. */
export async function settle(client: Client, key: string) {
  const started = performance.now();
  for (;;) {
    const answer = await routeTask(client, key);
    expect(performance.now() - started).toBeLessThan(patient(SETTLES_WITHIN_MS));
    if (answer.status < 300) return answer;
    expect([409, 503]).toContain(answer.status);
  }
}

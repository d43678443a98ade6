import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { validate } from 'uuid';
import { newSubject } from '../../support/app.js';
import { eventually, until } from '../../support/eventually.js';
import { budget, caller, isReplay, keyHeader, rowCounts } from '../../support/idempotency.js';
import { useApp } from '../../support/kit.js';

const TTL_SECONDS = 1;

describe('sweep of expired idempotency records', () => {
  const mesh = useApp({
    env: { SWEEP_INTERVAL_SECONDS: '1', IDEMPOTENCY_TTL_SECONDS: String(TTL_SECONDS) },
  });

  /** Inserts records that expire in this many seconds. */
  async function insertRecords(count: number, expiresInSeconds: number): Promise<void> {
    await mesh.query(
      `INSERT INTO idempotency_records
       (scope, fingerprint, caller, key, method, path, response_status, response_body, generation,
        created_at, expires_at)
     SELECT sha256(convert_to($3 || n, 'UTF8')), $4, 'somebody', n, 'POST', '/', 200, '{}', 1,
            now(), now() + make_interval(secs => $2)
       FROM generate_series(1, $1) n`,
      [count, expiresInSeconds, randomUUID(), createHash('sha256').digest()],
    );
  }

  /** How many records a key has. */
  async function recordsOf(key: string): Promise<number> {
    const rows = await mesh.query('SELECT 1 FROM idempotency_records WHERE key = $1', [key]);
    return rows.length;
  }

  const recordCount = async () => (await rowCounts(mesh))?.records ?? 0;

  it('deletes expired records in batches, and no live ones', async () => {
    await insertRecords(2_500, -1);
    await insertRecords(7, 3_600);
    expect(await eventually(recordCount, (count) => count === 7)).toBe(7);
  });

  it('an expired key creates a new task each time', async () => {
    const [finance, key] = [caller(mesh, 'finance', newSubject('finance')), randomUUID()];
    const stored = new Set<string>();
    for (const round of [1, 2, 3]) {
      const answer = await finance.post('/tasks/route', budget(round), keyHeader(key));
      expect([answer.status, isReplay(answer)]).toEqual([202, false]);
      await until(async () => (await recordsOf(key)) === 0);
    }
    for (const { key: taskKey } of await mesh.query<{ key: string }>(
      'SELECT idempotency_key AS key FROM tasks',
    )) {
      expect(validate(taskKey)).toBe(true);
      stored.add(taskKey);
    }
    expect(stored.size).toBe(3);
    expect(stored.has(key)).toBe(true);
  });
});

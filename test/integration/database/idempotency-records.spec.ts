import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { databaseOptions } from '../../../src/database/database-options.js';
import { sql } from '../../../src/database/sql.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { IdempotencyRecordsRepository } from '../../../src/idempotency/idempotency-records.repository.js';
import { newDatabase } from '../../support/app.js';
import { dropTestDatabase } from '../../support/postgres.js';

describe('IdempotencyRecords.deleteExpired', () => {
  let url: string;
  let dataSource: DataSource;
  let transactions: TransactionsService;
  const sut = new IdempotencyRecordsRepository();

  beforeAll(async () => {
    url = await newDatabase();
    dataSource = await new DataSource(databaseOptions(url)).initialize();
    transactions = new TransactionsService(dataSource);
  });

  beforeEach(() => dataSource.query('TRUNCATE idempotency_records'));

  afterAll(async () => {
    await dataSource.destroy();
    await dropTestDatabase(url);
  });

  /** Records that expire as many seconds from now as told. */
  async function insert(count: number, expiresInSeconds: number): Promise<void> {
    await dataSource.query(
      `INSERT INTO idempotency_records
         (scope, fingerprint, caller, key, method, path, response_status, response_body, generation,
          created_at, expires_at)
       SELECT sha256(convert_to($3 || n, 'UTF8')), '', 'somebody', n, 'POST', '/', 200, '{}', 1,
              now(), now() + make_interval(secs => $2)
         FROM generate_series(1, $1::int) n`,
      [count, expiresInSeconds, randomUUID()],
    );
  }

  const remaining = () =>
    transactions.read(async (manager) => {
      const rows = await sql<{ count: number }>(
        manager,
        'SELECT count(*)::int AS count FROM idempotency_records',
      );
      return rows[0]?.count;
    });

  const deleteExpired = (batch: number) =>
    transactions.run((manager) => sut.deleteExpired(manager, batch));

  it('deletes expired records only, at most one batch at a time', async () => {
    await insert(25, -1);
    await insert(7, 3_600);
    expect([await deleteExpired(10), await deleteExpired(10)]).toEqual([10, 10]);
    expect([await deleteExpired(10), await deleteExpired(10)]).toEqual([5, 0]);
    expect(await remaining()).toBe(7);
  });

  it('deletes at most one batch when the planner assumes a small table', async () => {
    await insert(1, -1);
    await dataSource.query('ANALYZE idempotency_records');
    await insert(24, -1);
    expect(await deleteExpired(1)).toBe(1);
    expect(await remaining()).toBe(24);
  });

  it('deletes each record once when several instances sweep concurrently', async () => {
    await insert(100, -1);
    const deleted = await Promise.all(Array.from({ length: 8 }, () => deleteExpired(20)));
    expect(deleted.reduce((sum, count) => sum + count)).toBe(100 - ((await remaining()) ?? 0));
    expect(Math.max(...deleted)).toBeLessThanOrEqual(20);
  });

  it('skips a record that is being renewed', async () => {
    await insert(2, -1);
    await transactions.run(async (manager) => {
      await sql(
        manager,
        `UPDATE idempotency_records SET expires_at = now() + interval '1 hour' WHERE key = '1'`,
      );
      expect(await transactions.runInNewTransaction((other) => sut.deleteExpired(other, 10))).toBe(
        1,
      );
    });
    expect(await deleteExpired(10)).toBe(0);
    expect(await remaining()).toBe(1);
  });

  it('does not read live records', async () => {
    await insert(5_000, 3_600);
    await insert(3, -1);
    await dataSource.query('ANALYZE idempotency_records');
    const read = await transactions.run(async (manager) => {
      expect(await sut.deleteExpired(manager, 1_000)).toBe(3);
      const [row] = await sql<{ rows: number }>(
        manager,
        `SELECT (seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS rows
           FROM pg_stat_xact_user_tables WHERE relname = 'idempotency_records'`,
      );
      return row?.rows;
    });
    // What this connection read before may still be among it.
    expect(read).toBeLessThan(1_000);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { newDatabase, tokenFor } from '../support/app.js';
import { Client } from '../support/client.js';
import { CRASH_POINTS, type CrashPoint } from '../support/controller-faults.js';
import { type ControllerOptions, ControllerProcess } from '../support/controller-process.js';
import { taskRowCounts, ONE_ROW_EACH } from '../support/task-row-counts.js';
import { killAndRetry, routeTask } from '../support/kill-points.js';
import { eventually } from '../support/eventually.js';
import { dropTestDatabase } from '../support/postgres.js';

const KILLS_PER_POINT = 20;
const TOKEN = tokenFor('finance', 'finance-agent');

describe('a controller that is killed', () => {
  let options: ControllerOptions;
  let db: pg.Pool;
  let other: ControllerProcess;
  let agent: Client;

  beforeAll(async () => {
    options = { databaseUrl: await newDatabase(), redisUrl: process.env.TEST_REDIS_URL ?? '' };
    db = new pg.Pool({ connectionString: options.databaseUrl });
    other = await ControllerProcess.start(options);
    agent = new Client(other.url, TOKEN);
  }, 60_000);

  afterAll(async () => {
    await other.stop();
    await db.end();
    await dropTestDatabase(options.databaseUrl);
  });

  it.each(CRASH_POINTS)(
    'leaves all or nothing of a request that it is killed %s in',
    async (point) => {
      for (let kill = 0; kill < KILLS_PER_POINT; kill += 1) {
        await killAndRetry(point, `crash-${randomUUID()}`, options, agent, db);
      }
    },
    300_000,
  );

  it.each(['before-insert', 'after-insert', 'before-commit'] as const)(
    'gives its key up when it stands still %s for longer than Postgres lets a transaction idle',
    async (crashAt) => {
      const frozen = await freezing(crashAt, { ...options, redisUrl: '' });
      const key = `crash-${randomUUID()}`;
      const request = routeTask(new Client(frozen.url, TOKEN, false), key);
      await untilItIsHeld(key);
      expect((await routeTask(agent, key)).status).toBe(409);

      const retry = await retryUntilItIsFree(agent, key);
      expect(retry.status).toBe(202);

      frozen.kill('SIGCONT');
      const late = await request;
      expect([late.status, late.headers.get('retry-after')]).toEqual([503, '1']);
      expect((await routeTask(new Client(frozen.url, TOKEN), key)).text).toBe(retry.text);
      expect(await taskRowCounts(db, key)).toEqual(ONE_ROW_EACH);
      await frozen.stop();
    },
    60_000,
  );

  it('holds nothing while it stands still, where it believed that its key is new', async () => {
    const frozen = await freezing('before-commit', options);
    const key = `crash-${randomUUID()}`;
    const request = routeTask(new Client(frozen.url, TOKEN, false), key);
    expect(
      await eventually(
        () => stateOf(frozen),
        (state) => state === 'T',
      ),
    ).toBe('T');

    const other = await routeTask(agent, key);
    expect(other.status).toBe(202);

    frozen.kill('SIGCONT');
    const late = await request;
    expect([late.status, late.text]).toEqual([200, other.text]);
    expect(await taskRowCounts(db, key)).toEqual(ONE_ROW_EACH);
    await frozen.stop();
  }, 60_000);

  const freezing = (crashAt: CrashPoint, from: ControllerOptions) =>
    ControllerProcess.start({ ...from, crashAt, signal: 'SIGSTOP' });

  /** A transaction that has written, or at least locked, stands idle. */
  async function untilItIsHeld(key: string): Promise<void> {
    let held = false;
    while (!held) {
      const { rowCount } = await db.query(IDLE_IN_TRANSACTION);
      held = rowCount === 1;
    }
    expect((await taskRowCounts(db, key))?.tasks).toBe(0);
  }
});

/** As `ps` tells it: `T` is a process that a signal has stopped. */
function stateOf({ pid }: ControllerProcess): string {
  return execFileSync('ps', ['-o', 'state=', '-p', String(pid)], { encoding: 'utf8' })
    .trim()
    .charAt(0);
}

async function retryUntilItIsFree(client: Client, key: string) {
  for (;;) {
    const answer = await routeTask(client, key);
    if (answer.status !== 409) return answer;
  }
}

const IDLE_IN_TRANSACTION = `
  SELECT 1 FROM pg_stat_activity
   WHERE datname = current_database() AND state = 'idle in transaction'
     AND state_change < clock_timestamp() - interval '0.2 s'`;

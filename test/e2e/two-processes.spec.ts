import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { newDatabase, tokenFor } from '../support/app.js';
import { type Answer, Client } from '../support/client.js';
import { CRASH_POINTS } from '../support/controller-faults.js';
import { type ControllerOptions, ControllerProcess } from '../support/controller-process.js';
import { taskRowCounts, NO_ROWS, ONE_ROW_EACH } from '../support/task-row-counts.js';
import { killAndRetry, routeTask, settle } from '../support/kill-points.js';
import { dropTestDatabase } from '../support/postgres.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { until } from '../support/eventually.js';

const KEYS = 20;
const KEYS_AT_ONCE = 2;
const REQUESTS_PER_KEY = 100;
const KILLS_PER_POINT = 3;

describe('two controllers on one Postgres and one Redis', () => {
  let options: ControllerOptions;
  let proxy: TcpProxy;
  let db: pg.Pool;
  let controllers: ControllerProcess[];
  let agents: [Client, Client];
  /** Asks a third controller, which reaches Postgres through the proxy. */
  let farAgent: Client;

  beforeAll(async () => {
    const databaseUrl = await newDatabase();
    options = { databaseUrl, redisUrl: process.env.TEST_REDIS_URL ?? '' };
    proxy = await TcpProxy.inFrontOf(databaseUrl);
    db = new pg.Pool({ connectionString: databaseUrl });
    const [first, second, far] = await Promise.all([
      ControllerProcess.start(options),
      ControllerProcess.start(options),
      ControllerProcess.start({ ...options, databaseUrl: proxy.url(databaseUrl) }),
    ]);
    controllers = [first, second, far];
    const token = tokenFor('finance', 'finance-agent');
    agents = [new Client(first.url, token, false), new Client(second.url, token, false)];
    farAgent = new Client(far.url, token, false);
  }, 60_000);

  afterAll(async () => {
    await Promise.all(controllers.map((controller) => controller.stop()));
    await Promise.all([proxy.close(), db.end()]);
    await dropTestDatabase(options.databaseUrl);
  });

  it(`carry out ${REQUESTS_PER_KEY} equal requests once, for each of ${KEYS} keys`, async () => {
    for (let batch = 0; batch < KEYS / KEYS_AT_ONCE; batch += 1) {
      const keys = Array.from({ length: KEYS_AT_ONCE }, (_, n) =>
        n % 2 ? `k-${randomUUID()}` : randomUUID(),
      );
      await Promise.all(keys.map(storm));
    }
  }, 60_000);

  async function storm(key: string): Promise<void> {
    const answers = await Promise.all(
      Array.from({ length: REQUESTS_PER_KEY }, (_, n) => routeTask(agents[n % 2 ? 1 : 0], key)),
    );
    answers.push(await settle(agents[0], key));
    const made = answers.filter(({ status }) => status === 202);
    expect(made).toHaveLength(1);
    for (const answer of answers) if (answer !== made[0]) expectReplayOrWait(answer, made[0]?.text);
    expect(await taskRowCounts(db, key)).toEqual(ONE_ROW_EACH);
  }

  function expectReplayOrWait(answer: Answer, text: string | undefined): void {
    const { status, headers } = answer;
    if (status === 409 || status === 503) {
      // A hundred at once may have to wait for one of ten connections for longer than the second that they are given.
      const code = status === 409 ? 'idempotency.in_progress' : 'database.unavailable';
      expect(answer.body).toMatchObject({ code });
      expect(headers.get('retry-after')).toBe('1');
      return;
    }
    expect([status, answer.text]).toEqual([200, text]);
    expect(headers.get('idempotent-replayed')).toBe('true');
  }

  it.each(CRASH_POINTS)(
    'complete a retry at once when one of them is killed %s',
    async (point) => {
      const keys = Array.from({ length: KILLS_PER_POINT }, () => `crash-${randomUUID()}`);
      await Promise.all(keys.map((key) => killAndRetry(point, key, options, agents[1], db)));
    },
    120_000,
  );

  it('503 when the response to COMMIT is lost, and replay of the committed response', async () => {
    const key = randomUUID();
    proxy.nextCommitOf(key, 'cut');
    expectUnavailable(await routeTask(farAgent, key), 'database.commit_unknown');
    expect(await taskRowCounts(db, key)).toEqual(ONE_ROW_EACH);
    expect((await routeTask(farAgent, key)).status).toBe(200);
    expect((await routeTask(agents[1], key)).status).toBe(200);
    expect(await taskRowCounts(db, key)).toEqual(ONE_ROW_EACH);
  });

  it('replay on one controller while the other waits for the response to COMMIT', async () => {
    const key = randomUUID();
    proxy.nextCommitOf(key, 'hang');
    const waiting = routeTask(farAgent, key);
    await until(async () => (await taskRowCounts(db, key))?.tasks === 1);
    expect((await routeTask(agents[1], key)).status).toBe(200);
    expectUnavailable(await waiting, 'database.commit_unknown');
    expect(await taskRowCounts(db, key)).toEqual(ONE_ROW_EACH);
  });

  it.each(['rollback', 'lose'] as const)(
    'acknowledge nothing after a %s of COMMIT, and run the retry',
    async (fate) => {
      const key = randomUUID();
      proxy.nextCommitOf(key, fate);
      expectUnavailable(
        await routeTask(farAgent, key),
        fate === 'rollback' ? 'database.unavailable' : 'database.commit_unknown',
      );
      expect(await taskRowCounts(db, key)).toEqual(NO_ROWS);
      expect((await routeTask(agents[1], key)).status).toBe(202);
      expect((await routeTask(farAgent, key)).status).toBe(200);
      expect(await taskRowCounts(db, key)).toEqual(ONE_ROW_EACH);
    },
  );

  it('do not block a key when PostgreSQL ends all connections', async () => {
    const keys = Array.from({ length: 10 }, () => randomUUID());
    const inTheWay = await db.connect();
    await inTheWay.query('BEGIN');
    await inTheWay.query('LOCK TABLE tasks');
    const requests = keys.map(async (key) => {
      while ((await routeTask(farAgent, key)).status >= 300);
    });
    await until(async () => (await heldLocks()) > 0);
    await db.query(TERMINATE);
    await inTheWay.query('ROLLBACK');
    inTheWay.release();
    await Promise.all(requests);
    for (const key of keys) expect(await taskRowCounts(db, key)).toEqual(ONE_ROW_EACH);
  }, 60_000);

  async function heldLocks(): Promise<number> {
    const { rowCount } = await db.query(HELD_LOCKS);
    return rowCount ?? 0;
  }

  it('log no error and keep running', () => {
    for (const { output, diedByItself } of controllers) {
      expect([output, diedByItself]).toEqual(['', false]);
    }
  });
});

function expectUnavailable({ status, body, headers }: Answer, code?: string): void {
  expect([status, headers.get('retry-after')]).toEqual([503, '1']);
  if (code !== undefined) expect(body).toMatchObject({ code });
}

const TERMINATE = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity
   WHERE datname = current_database() AND application_name = 'agent-mesh-controller'`;

const HELD_LOCKS = `
  SELECT 1 FROM pg_locks
   WHERE locktype = 'advisory' AND granted
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

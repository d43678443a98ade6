import { randomUUID } from 'node:crypto';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import { KeyedMutex } from '../../../src/idempotency/keyed-mutex.js';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import type { Answer, Client } from '../../support/client.js';
import { until } from '../../support/eventually.js';
import {
  budget,
  caller,
  expectReplay,
  type TableLock,
  lockTable,
  idempotencyMetrics,
  isReplay,
  keyHeader,
  REDISES,
  rowCounts,
  statuses,
} from '../../support/idempotency.js';
import { expectProblem } from '../../support/kit.js';
import { patient } from '../../support/patience.js';

describe.each(
  Object.entries(REDISES).map(
    ([name, redis], index) => [name, redis, index === 0 ? 20 : 6] as const,
  ),
)('concurrent requests with one idempotency key, with %s', (_, redis, keyCount) => {
  let mesh: TestApp;
  /** Another controller on the same database. */
  let other: TestApp;
  let sub: string;
  let finance: Client;
  let held: TableLock | undefined;
  let enter: jest.SpiedFunction<KeyedMutex['run']>;

  beforeAll(async () => {
    enter = jest.spyOn(KeyedMutex.prototype, 'run');
    mesh = await startTestApp(redis);
    other = await startTestApp({ ...redis, databaseUrl: mesh.databaseUrl });
  });

  beforeEach(() => {
    sub = newSubject('finance');
    finance = caller(mesh, 'finance', sub);
    enter.mockClear();
  });

  afterEach(async () => {
    await held?.release();
    held = undefined;
  });

  afterAll(async () => {
    enter.mockRestore();
    await other.close();
    await mesh.close();
  });

  /** Comes back when as many requests have taken their place in a queue. */
  const queued = (count: number) => until(() => Promise.resolve(enter.mock.calls.length === count));

  it('wait for the first, and replay its response', async () => {
    const headers = keyHeader();
    const send = () => finance.post('/tasks/route', budget(), headers);
    const before = await rowCounts(mesh);
    const hits = (await idempotencyMetrics(mesh)).memory ?? 0;
    held = await lockTable(mesh, 'tasks');
    const first = send();
    await held.waiters(1);
    const others = Promise.all(Array.from({ length: 9 }, send));
    await queued(10);
    await held.release();
    const answer = await first;
    expect([answer.status, isReplay(answer)]).toEqual([202, false]);
    for (const waiter of await others) expectReplay(waiter, answer);
    expect(await rowCounts(mesh)).toMatchObject({
      tasks: (before?.tasks ?? 0) + 1,
      events: (before?.events ?? 0) + 1,
    });
    expect((await idempotencyMetrics(mesh)).memory).toBe(hits + 9);
  });

  it('wait for the first in another process without holding a connection', async () => {
    const narrow = await startTestApp({
      ...redis,
      env: { ...redis.env, DATABASE_POOL_SIZE: '1' },
      databaseUrl: mesh.databaseUrl,
    });
    const headers = keyHeader();
    const there = caller(narrow, 'finance', sub);
    held = await lockTable(mesh, 'tasks');
    const first = finance.post('/tasks/route', budget(), headers);
    await held.waiters(1);
    const waiters = Promise.all(
      Array.from({ length: 5 }, () => there.post('/tasks/route', budget(), headers)),
    );
    await queued(6);
    // The one connection of that process is free for others.
    expect((await there.get('/sessions')).status).toBe(200);
    await held.release();
    const answer = await first;
    const others = await waiters;
    await narrow.close();
    expect(answer.status).toBe(202);
    for (const waiter of others) expectReplay(waiter, answer);
  });

  it.each([
    ['this process', () => mesh],
    ['another process', () => other],
  ])('409 with Retry-After when the first, in %s, takes too long', async (_place, app) => {
    const headers = keyHeader();
    const client = caller(app(), 'finance', sub);
    const before = await rowCounts(mesh);
    held = await lockTable(mesh, 'tasks');
    const first = finance.post('/tasks/route', budget(), headers);
    await held.waiters(1);
    const started = performance.now();
    const refused = await client.post('/tasks/route', budget(), headers);
    const waited = performance.now() - started;
    await held.release();
    expectProblem(refused, 409, 'idempotency.in_progress');
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(waited).toBeGreaterThan(800);
    expect(waited).toBeLessThan(patient(1_900));
    const answer = await first;
    expect(answer.status).toBe(202);
    expectReplay(await client.post('/tasks/route', budget(), headers), answer);
    expect(await rowCounts(mesh)).toMatchObject({ tasks: (before?.tasks ?? 0) + 1 });
  });

  it('422 when the first has another body', async () => {
    const headers = keyHeader();
    held = await lockTable(mesh, 'tasks');
    const first = finance.post('/tasks/route', budget(1), headers);
    await held.waiters(1);
    const others = Promise.all([
      finance.post('/tasks/route', budget(2), headers),
      caller(other, 'finance', sub).post('/tasks/route', budget(3), headers),
    ]);
    await queued(3);
    await held.release();
    expect((await first).status).toBe(202);
    for (const refused of await others) {
      expectProblem(refused, 422, 'idempotency.payload_mismatch');
    }
  });

  it('run the next when the first fails', async () => {
    const headers = keyHeader();
    const before = await rowCounts(mesh);
    held = await lockTable(mesh, 'tasks');
    const first = finance.post('/tasks/route', budget(), headers);
    await held.waiters(1);
    const others = Promise.all(
      Array.from({ length: 5 }, () => finance.post('/tasks/route', budget(), headers)),
    );
    await queued(6);
    await held.endWaiters();
    expectProblem(await first, 503, 'database.unavailable');
    await held.release();
    const answers = await others;
    expect(statuses(answers)).toEqual({ 202: 1, 200: 4 });
    expect(await rowCounts(mesh)).toMatchObject({
      tasks: (before?.tasks ?? 0) + 1,
      events: (before?.events ?? 0) + 1,
    });
  });

  it('do not wait for requests with another key', async () => {
    held = await lockTable(mesh, 'sessions');
    const first = finance.post('/tasks/route', budget(), keyHeader());
    await held.waiters(1);
    const report = { source: 'agent', category: 'policy', action: 'evaluated' };
    expect((await finance.post('/audit/ingest', report, keyHeader())).status).toBe(202);
    await held.release();
    expect((await first).status).toBe(202);
  });

  it('run once when the client disconnects, and replay on its retry', async () => {
    const headers = keyHeader();
    const before = await rowCounts(mesh);
    held = await lockTable(mesh, 'tasks');
    const connection = new AbortController();
    const lost = fetch(`${mesh.url}/tasks/route`, {
      method: 'POST',
      headers: {
        ...headers,
        authorization: `Bearer ${tokenFor('finance', sub)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(budget()),
      signal: connection.signal,
    });
    await held.waiters(1);
    connection.abort();
    await expect(lost).rejects.toThrow('aborted');
    await held.release();
    const retry = await finance.post('/tasks/route', budget(), headers);
    expect([retry.status, isReplay(retry)]).toEqual([200, true]);
    expect(await rowCounts(mesh)).toMatchObject({
      tasks: (before?.tasks ?? 0) + 1,
      sessions: (before?.sessions ?? 0) + 1,
      events: (before?.events ?? 0) + 1,
    });
  });

  it('create one task per caller when callers use one UUID', async () => {
    const headers = keyHeader();
    const callers = Array.from({ length: 10 }, (_c, index) => caller(index % 2 ? mesh : other));
    const answers = await Promise.all(
      callers.map((client) => client.post('/tasks/route', budget(), headers)),
    );
    expect(statuses(answers)).toEqual({ 202: 10 });
    expect(new Set(answers.map(({ body }) => body.task_id)).size).toBe(10);
  });

  it(`run once per key: 100 requests for each of ${keyCount} keys over two processes`, async () => {
    const there = caller(other, 'finance', sub);
    const keys = Array.from({ length: keyCount }, () => randomUUID());
    const before = await rowCounts(mesh);
    const hundred = (key: string, amount: number) =>
      Promise.all(
        Array.from({ length: 100 }, (_r, index) =>
          (index % 2 ? finance : there).post('/tasks/route', budget(amount), keyHeader(key)),
        ),
      );
    const groups: Answer[][] = [];
    // Two keys at a time: more would test how fast one process can send, and be told 503 on a busy machine.
    for (let sent = 0; sent < keyCount; sent += 2) {
      groups.push(...(await Promise.all(keys.slice(sent, sent + 2).map(hundred))));
    }
    for (const answers of groups) {
      const { 202: made, 200: replayed = 0, 409: busy = 0, ...unexpected } = statuses(answers);
      expect({ made, unexpected, all: 1 + replayed + busy }).toEqual({
        made: 1,
        unexpected: {},
        all: 100,
      });
      const first = answers.find(({ status }) => status === 202);
      for (const answer of answers) {
        if (answer.status === 200) expect(answer.text).toBe(first?.text);
        if (answer.status === 409) expect(answer.headers.get('retry-after')).toBe('1');
      }
    }
    expect(await rowCounts(mesh)).toEqual({
      tasks: (before?.tasks ?? 0) + keyCount,
      sessions: (before?.sessions ?? 0) + keyCount,
      approvals: before?.approvals,
      events: (before?.events ?? 0) + keyCount,
      records: (before?.records ?? 0) + keyCount,
    });
  }, 60_000);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newDatabase, newSubject } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { concurrentScenarios } from '../../support/concurrent-scenarios.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { until } from '../../support/eventually.js';
import { keyHeader } from '../../support/idempotency.js';
import { withClient } from '../../support/catalog.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { shiftedClock } from '../../support/shifted-clock.js';
import { inMinutes, shiftedCaller } from '../../support/shifted-caller.js';
import type { ClaimedBody, TaskBody, TimelineBody, Written } from '../../support/work.js';

const TTL_SECONDS = 6;
const HOUR = 3_600;

describe.each([
  ['an hour fast', HOUR],
  ['an hour slow', -HOUR],
])('a controller whose clock is %s', (_, shift) => {
  let databaseUrl: string;
  let controller: ControllerProcess;
  let role: string;
  let worker: Client;
  let requester: Client;

  beforeAll(async () => {
    databaseUrl = await newDatabase();
    controller = await ControllerProcess.start({
      databaseUrl,
      redisUrl: process.env.TEST_REDIS_URL ?? '',
      env: {
        IDEMPOTENCY_TTL_SECONDS: String(TTL_SECONDS),
        LEASE_MIN_SECONDS: '1',
        SWEEP_INTERVAL_SECONDS: '1',
      },
      processEnv: await shiftedClock(shift),
    });
    role = newSubject('role');
    worker = as(role);
    requester = as('finance');
  }, 120_000);

  const scenario = concurrentScenarios();

  afterAll(async () => {
    await controller.stop();
    await dropTestDatabase(databaseUrl);
  });

  const as = (name: string, sub?: string) => shiftedCaller(controller.url, shift, name, sub);

  const route = (more: object = {}, headers = {}, to = role) =>
    requester.post<{ task_id: string; code: string }>(
      '/tasks/route',
      { target: to, task: { task_type: 'review' }, ...more },
      headers,
    );

  /** Routes a task to a role that nobody else uses; gives its bare id and a worker. */
  async function routed(more: object = {}) {
    const own = newSubject('role');
    const answer = await route(more, {}, own);
    expect(answer).toMatchObject({ status: 202 });
    return { id: answer.body.task_id.slice('task-'.length), worker: as(own) };
  }

  const query = <Row = Record<string, unknown>>(text: string, parameters: unknown[] = []) =>
    withClient(databaseUrl, async (client) => (await client.query(text, parameters)).rows as Row[]);

  const secondsFromNow = (time: string | null) => (Date.parse(time ?? '') - Date.now()) / 1000;

  it('runs with that clock', async () => {
    const other = shiftedCaller(controller.url, 0, 'finance');
    expect((await other.get('/tasks')).status).toBe(401);
    expect((await requester.get('/tasks')).status).toBe(200);
  });

  it('accepts a deadline that is in the future, and no other', async () => {
    expect((await route({ deadline_at: inMinutes(30) })).status).toBe(202);
    expect((await route({ deadline_at: inMinutes(90) })).status).toBe(202);
    for (const minutes of [-1, -30, -90]) {
      const refused = await route({ deadline_at: inMinutes(minutes) });
      expect(refused).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
      expect(refused.text).toContain('deadline_at must be in the future');
    }
  });

  it('lets no work begin before it is due, on any way', async () => {
    const { id, worker } = await routed({ not_before: inMinutes(30) });
    const refused = { status: 409, body: { code: 'task.not_due' } };
    expect(await worker.post(`/tasks/${id}/claim`, {})).toMatchObject(refused);
    expect((await worker.post('/tasks/claim', {})).status).toBe(204);
    expect((await worker.get('/tasks/wait?wait_seconds=0')).status).toBe(204);
    const { body: task } = await worker.get<TaskBody>(`/tasks/${id}`);
    const path = `/sessions/${task.attempts[0]?.id ?? ''}`;
    expect(await worker.put(path, { status: 'active' })).toMatchObject(refused);
    expect(await worker.put(`${path}/events`, { event: 'activate' })).toMatchObject(refused);
    const { body: timeline } = await worker.get<TimelineBody>(`/tasks/${id}/timeline`);
    expect(timeline.waits_for).toMatchObject([{ what: 'due_time' }]);
  });

  it('lets work begin that is due, on any way', async () => {
    const due = { not_before: inMinutes(-30), deadline_at: inMinutes(30) };
    const byId = await routed(due);
    expect((await byId.worker.post(`/tasks/${byId.id}/claim`, {})).status).toBe(200);
    const next = await routed(due);
    expect((await next.worker.get('/tasks/wait?wait_seconds=0')).status).toBe(200);
    expect((await next.worker.post('/tasks/claim', {})).status).toBe(200);
    const put = await routed(due);
    const { body: task } = await put.worker.get<TaskBody>(`/tasks/${put.id}`);
    const path = `/sessions/${task.attempts[0]?.id ?? ''}`;
    expect((await put.worker.put(path, { status: 'active' })).status).toBe(200);
  });

  it('records how long a task has waited', async () => {
    const { id, worker } = await routed();
    await worker.post('/tasks/claim', {});
    const [event] = await query<{ seconds: number }>(
      `SELECT (metadata ->> 'waited_seconds')::float8 AS seconds FROM audit_events
        WHERE task_id = $1 AND event_type = 'task_claimed'`,
      [id],
    );
    expect(event?.seconds).toBeGreaterThanOrEqual(0);
    expect(event?.seconds).toBeLessThan(60);
  });

  it('gives leases from now on, and extends them from now on', async () => {
    const { worker } = await routed();
    const { body } = await worker.post<ClaimedBody>('/tasks/claim', { lease_seconds: 120 });
    const claimed = secondsFromNow(body.session.lease_expires_at);
    expect(Math.abs(claimed - 120)).toBeLessThan(30);
    const heartbeat = await worker.post<Written>(`/sessions/${body.session.id}/heartbeat`, {
      lease_seconds: 600,
    });
    expect(Math.abs(secondsFromNow(heartbeat.body.lease_expires_at) - 600)).toBeLessThan(30);
  });

  it('opens the next attempt while the deadline is in the future', async () => {
    const { id, worker } = await routed({ deadline_at: inMinutes(30) });
    const { body } = await worker.post<ClaimedBody>('/tasks/claim', {});
    const failed = { status: 'failed', error: 'no', retryable: true };
    expect((await worker.put(`/sessions/${body.session.id}`, failed)).status).toBe(200);
    expect((await worker.get<TaskBody>(`/tasks/${id}`)).body).toMatchObject({
      status: 'pending',
      attempt: 2,
    });
  });

  scenario(
    'takes a lost lease away while the deadline is in the future, and opens the next attempt',
    async () => {
      const { id, worker } = await routed({ deadline_at: inMinutes(30) });
      await worker.post('/tasks/claim', { lease_seconds: 1 });
      await until(async () => (await worker.get<TaskBody>(`/tasks/${id}`)).body.attempt === 2);
    },
  );

  it('retries a task while its deadline is in the future, and not after that', async () => {
    const { id } = await routed({ deadline_at: inMinutes(30) });
    expect((await requester.post(`/tasks/${id}/cancel`, {})).status).toBe(200);
    expect((await requester.post(`/tasks/${id}/retry`, {})).status).toBe(200);
    expect((await requester.post(`/tasks/${id}/cancel`, {})).status).toBe(200);
    for (const table of ['tasks', 'sessions']) {
      await query(
        `UPDATE ${table} SET deadline_at = clock_timestamp() - interval '1 minute'
          WHERE ${table === 'tasks' ? 'id' : 'task_id'} = $1`,
        [id],
      );
    }
    expect(await requester.post(`/tasks/${id}/retry`, {})).toMatchObject({
      status: 409,
      body: { code: 'task.finished' },
    });
  });

  it('lets an approval be decided and used until its times, by the clock of PostgreSQL', async () => {
    const approver = newSubject('approver');
    const { id, worker } = await routed();
    const asked = await requester.post<{ approval_id: string }>('/approvals', {
      task_id: id,
      approver_role: approver,
      decision: 'pending',
      payload: { amount: 5 },
      expires_in_seconds: 1_800,
    });
    expect(asked.status).toBeLessThan(300);
    const path = `/approvals/${asked.body.approval_id}`;
    const { body } = await requester.get<{ digest: string; expires_at: string }>(path);
    expect(Math.abs(secondsFromNow(body.expires_at) - 1_800)).toBeLessThan(30);
    const decided = await as(approver).post(`${path}/decision`, { decision: 'approved' });
    expect(decided).toMatchObject({ status: 200, body: { status: 'approved' } });
    expect((await worker.post('/tasks/claim', {})).status).toBe(200);
    const used = await worker.post(`${path}/consume`, { digest: body.digest });
    expect(used).toMatchObject({ status: 200 });
  });

  scenario('remembers a key for its time, and not longer', async () => {
    const headers = keyHeader();
    const first = await route({}, headers);
    expect(first.status).toBe(202);
    for (let sent = 0; sent < 2; sent++) {
      const retry = await route({}, headers);
      expect([retry.status, retry.text]).toEqual([200, first.text]);
    }
    await query(
      `UPDATE idempotency_records SET expires_at = clock_timestamp() WHERE key = $1`,
      Object.values(headers),
    );
    await sleep(TTL_SECONDS * 1000 + 100);
    const later = await route({}, headers);
    expect(later.status).toBe(202);
    expect(later.body.task_id).not.toBe(first.body.task_id);
  });

  scenario(
    'shares Redis with a controller whose clock is right',
    async (defer) => {
      const sub = newSubject('finance');
      const right = await ControllerProcess.start({
        databaseUrl,
        redisUrl: process.env.TEST_REDIS_URL ?? '',
        env: { IDEMPOTENCY_TTL_SECONDS: String(TTL_SECONDS) },
      });
      defer(() => right.stop());
      const callers = [as('finance', sub), shiftedCaller(right.url, 0, 'finance', sub)];
      await Promise.all(
        [callers, callers.toReversed()].map(async ([one, other]) => {
          const headers = keyHeader();
          const body = { target: role, task: { task_type: 'review' } };
          const first = await one?.post('/tasks/route', body, headers);
          expect(first?.status).toBe(202);
          const retry = await other?.post('/tasks/route', body, headers);
          expect([retry?.status, retry?.text]).toEqual([200, first?.text]);
          await sleep(TTL_SECONDS * 1000 + 100);
          expect((await other?.post('/tasks/route', body, headers))?.status).toBe(202);
        }),
      );
    },
    60_000,
  );

  it('lists what was made, page by page, with times that are right', async () => {
    const own = newSubject('role');
    for (let made = 0; made < 3; made++) await route({}, {}, own);
    const ids: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 3; pages++) {
      const { body } = await as(own).get<{
        tasks: { id: string; created_at: string }[];
        next_cursor: string | null;
      }>(`/tasks?page_size=1&status=pending&to_role=${own}${cursor}`);
      for (const { id, created_at } of body.tasks) {
        ids.push(id);
        expect(Math.abs(secondsFromNow(created_at))).toBeLessThan(60);
      }
      cursor = `&cursor=${body.next_cursor ?? ''}`;
    }
    expect(new Set(ids).size).toBe(3);
  });

  it('records what others report with the time at which it came', async () => {
    const sent = await worker.post('/audit/ingest', {
      source: 'tests',
      category: 'clock',
      action: 'checked',
      timestamp: inMinutes(-30),
    });
    expect(sent.status).toBe(202);
    const [row] = await query<{ age: number }>(
      `SELECT extract(epoch FROM clock_timestamp() - timestamp)::float8 AS age FROM audit_events
        WHERE event_type LIKE 'agent.%' ORDER BY timestamp DESC LIMIT 1`,
    );
    expect(row?.age).toBeGreaterThanOrEqual(0);
    expect(row?.age).toBeLessThan(60);
  });
});

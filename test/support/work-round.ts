import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { TestApp } from './app.js';
import { times } from './kit.js';
import { Team } from './work.js';

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const MINUTES_MS = 5 * 60_000;

/**
 * One task from routing to completion, with every kind of statement: a keyed request, its replay, a claim, a heartbeat,
 * a completion, lists, the timeline and the audit log. Expects the values of an unchanged PostgreSQL.
 */
export async function expectWorkRound(mesh: TestApp): Promise<void> {
  const team = new Team(mesh);
  const worker = team.worker();
  const keyed = { 'Idempotency-Key': randomUUID() };
  const body = {
    target: team.role,
    task: { task_type: 'review', data: { text: '\\ "ü" \u{1f600}' } },
  };
  const answers = await Promise.all(
    times(4, () => team.requester.post<{ task_id: string }>('/tasks/route', body, keyed)),
  );
  const routed = answers.filter(({ status }) => status === 202);
  expect(answers.filter(({ status }) => ![200, 202, 409].includes(status))).toEqual([]);
  expect(routed).toHaveLength(1);
  const replay = await team.requester.post('/tasks/route', body, keyed);
  expect([replay.status, replay.text]).toEqual([200, routed[0]?.text]);

  const { session, task } = await team.claim(worker);
  expect(task.data).toEqual(body.task.data);
  expect(session.created_at).toMatch(RFC_3339);
  expect(Math.abs(Date.parse(session.created_at) - Date.now())).toBeLessThan(MINUTES_MS);
  const path = `/sessions/${session.id}`;
  expect((await worker.post(`${path}/heartbeat`, {})).status).toBe(200);
  expect((await worker.put(path, { status: 'completed', result: { ok: true } })).status).toBe(200);
  const id = routed[0]?.body.task_id ?? '';
  expect(await team.requester.get(`/tasks/${id}`)).toMatchObject({
    status: 200,
    body: { status: 'completed' },
  });
  expect((await team.requester.get(`/tasks/${id}/timeline`)).status).toBe(200);
  const page = await team.requester.get<{ tasks: unknown[] }>(`/tasks?to_role=${team.role}`);
  expect(page.body.tasks).toHaveLength(1);
  const audit = await mesh
    .agent('auditor')
    .get<{ events: unknown[] }>(`/audit/events?task_id=${id}`);
  expect([audit.status, audit.body.events.length > 2]).toEqual([200, true]);
}

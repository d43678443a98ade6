import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import type { EventBody, EventPage } from '../../support/audit.js';
import { listEvents, listEventTypes, REPORT } from '../../support/audit.js';
import { useSharedApp, routeTask, actorOf, expectProblem } from '../../support/kit.js';

describe('GET /audit/events', () => {
  const mesh = useSharedApp();

  it('returns the events of a task to all its participants', async () => {
    const [from, to, approver] = [newSubject('from'), newSubject('to'), newSubject('approver')];
    const task_id = await routeTask(mesh, from, to);
    await mesh.agent(from).post('/approvals', { task_id, approver_role: approver });
    for (const role of [from, to, approver]) {
      expect(await listEventTypes(mesh.agent(role), `task_id=${task_id}`)).toEqual([
        'task_routed',
        'approval_requested',
      ]);
      expect(await listEventTypes(mesh.agent(role), '')).toHaveLength(2);
    }
  });

  it('returns nothing to other roles but their own reports', async () => {
    const trace = randomUUID();
    await routeTask(mesh, newSubject('from'), newSubject('to'), { 'x-trace-id': trace });
    const stranger = mesh.agent(newSubject('stranger'));
    expect(await listEvents(stranger, `trace_id=${trace}`)).toEqual([]);
    await stranger.post('/audit/ingest', { ...REPORT, traceId: trace });
    expect(await listEventTypes(stranger, `trace_id=${trace}`)).toEqual(['agent.policy.evaluated']);
  });

  it('does not return reports to other subjects of the same role', async () => {
    const role = newSubject('reporter');
    await mesh.agent(role).post('/audit/ingest', REPORT);
    expect(await listEvents(mesh.agent(role), '')).toEqual([]);
  });

  it('returns all events to auditors and admins', async () => {
    const trace = randomUUID();
    await routeTask(mesh, newSubject('from'), newSubject('to'), { 'x-trace-id': trace });
    await mesh.agent('finance').post('/audit/ingest', { ...REPORT, traceId: trace });
    await mesh.agent('finance').post('/sessions', { role: 'finance' }, { 'x-trace-id': trace });
    for (const staff of ['auditor', 'admin']) {
      expect(await listEventTypes(mesh.agent(staff), `trace_id=${trace}`)).toEqual([
        'task_routed',
        'agent.policy.evaluated',
        'session_created',
      ]);
    }
  });

  it('filters by task, trace, role, event type and time', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const trace_id = randomUUID();
    const task_id = await routeTask(mesh, from, to, { 'x-trace-id': trace_id });
    const { body } = await mesh.agent(to).get<{ id: string }>(`/sessions/${task_id}`);
    await mesh.agent(to).put(`/sessions/${body.id}`, { status: 'active' });
    const client = mesh.agent(from);
    const both = ['task_routed', 'session_transitioned'];
    expect(await listEventTypes(client, `task_id=${task_id}`)).toEqual(both);
    expect(await listEventTypes(client, `task_id=${task_id.slice(5)}`)).toEqual(both);
    expect(await listEventTypes(client, `trace_id=${trace_id}`)).toEqual(both);
    expect(await listEventTypes(client, `role=${to}`)).toEqual(['session_transitioned']);
    expect(await listEventTypes(client, 'event_type=task_routed')).toEqual(['task_routed']);
    const [, second] = await mesh.query<{ at: string }>(
      `SELECT to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
       FROM audit_events WHERE trace_id = $1 ORDER BY timestamp`,
      [trace_id],
    );
    const at = second?.at ?? '';
    expect(await listEventTypes(client, `from=${at}`)).toEqual(['session_transitioned']);
    expect(await listEventTypes(client, `to=${at}`)).toEqual(['task_routed']);
    expect(await listEventTypes(client, `from=${at}&to=${at}`)).toEqual([]);
    const all = `task_id=${task_id}&trace_id=${trace_id}&role=${from}&event_type=task_routed&to=${at}`;
    expect(await listEventTypes(client, all)).toEqual(['task_routed']);
  });

  it('returns every event once and in order by cursor, while events are added', async () => {
    const sub = newSubject('reporter');
    const client = mesh.agent('finance', sub);
    await mesh.query(
      `INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id)
     SELECT gen_random_uuid(), 'agent.test.page', 'finance', $1,
            date_trunc('hour', now()) - interval '1 hour' + (n / 5) * interval '1 microsecond', gen_random_uuid()
       FROM generate_series(1, 23) n`,
      [actorOf(sub)],
    );
    const seen: EventBody[] = [];
    let more = '';
    do {
      const { body } = await client.get<EventPage>(
        `/audit/events?event_type=agent.test.page&page_size=4${more}`,
      );
      seen.push(...body.events);
      more = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
      if (seen.length < 20)
        await client.post('/audit/ingest', { ...REPORT, category: 'test', action: 'page' });
    } while (more !== '');
    const old = await mesh.query<EventBody>(
      `SELECT id FROM audit_events WHERE actor = $1 ORDER BY timestamp, id`,
      [actorOf(sub)],
    );
    expect(seen.map(({ id }) => id)).toEqual(old.map(({ id }) => id));
  });

  it.each([
    'trace_id=x',
    'task_id=x',
    'event_type=',
    'event_type=%00',
    'event_type=%25',
    'role=',
    'from=yesterday',
    'to=2026-02-30T00:00:00Z',
    'from=2026-01-31T00:00:00Z&from=2026-01-31T00:00:00Z',
    'cursor=x',
    'page=1',
    'page_size=0',
    'page_size=501',
    'actor=x',
  ])('400 with ?%s', async (query) => {
    const answer = await mesh.agent('auditor').get(`/audit/events?${query}`);
    expectProblem(answer, 400, 'request.invalid');
  });
});

import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { newDatabase, newSubject, startTestApp } from '../../support/app.js';
import { dropTestDatabase } from '../../support/postgres.js';
import type { EventBody } from '../../support/audit.js';
import { auditEvent, listEvents, REPORT } from '../../support/audit.js';
import { useSharedApp, expectProblem, routeTask, actorOf } from '../../support/kit.js';

interface AckBody {
  event_id: string;
  status: string;
  trace_id: string;
}

/** The denials that the audit log of a database contains. */
async function recordedDenials(connectionString: string): Promise<unknown[]> {
  const db = new pg.Client({ connectionString });
  await db.connect();
  try {
    const { rows } = await db.query<Record<string, unknown>>(
      `SELECT actor, metadata ->> 'code' AS code, (metadata ->> 'repeated')::integer AS repeated
         FROM audit_events WHERE event_type = 'access_denied'
        ORDER BY actor LIKE '%#other-%', code, repeated NULLS FIRST`,
    );
    return rows;
  } finally {
    await db.end();
  }
}

describe('audit log', () => {
  const mesh = useSharedApp();

  it.each([
    `UPDATE audit_events SET role = 'x'`,
    `UPDATE audit_events SET role = 'x' WHERE false`,
    'DELETE FROM audit_events',
    'DELETE FROM audit_events WHERE false',
    'TRUNCATE audit_events',
    'TRUNCATE tasks, sessions, approvals, audit_events CASCADE',
  ])('is append-only: %s', async (statement) => {
    const { body } = await mesh.agent('finance').post<AckBody>('/audit/ingest', REPORT);
    await expect(mesh.query(statement)).rejects.toThrow('audit_events is append-only');
    expect(await auditEvent(mesh, body.event_id)).toMatchObject({ role: 'finance' });
  });

  it('/audit/events: 405 with any method but GET and HEAD', async () => {
    for (const method of ['PUT', 'PATCH', 'DELETE', 'POST']) {
      const answer = await mesh.agent('admin').call(method, '/audit/events');
      expectProblem(answer, 405, 'request.method_not_allowed');
      expect(answer.headers.get('allow')).toBe('GET, HEAD');
    }
  });

  it('access_denied records caller, route and code with the trace id of the request', async () => {
    const [from, to, sub] = [newSubject('from'), newSubject('to'), newSubject('curious')];
    const task_id = await routeTask(mesh, from, to);
    const { body } = await mesh.agent(to).get<{ id: string }>(`/sessions/${task_id}`);
    const denied = await mesh.agent(from, sub).put(`/sessions/${body.id}`, { status: 'active' });
    expectProblem(denied, 403, 'auth.forbidden');
    const trace = denied.headers.get('x-trace-id') ?? '';
    expect(await listEvents(mesh.agent('auditor'), `trace_id=${trace}`)).toMatchObject([
      {
        event_type: 'access_denied',
        role: from,
        actor: actorOf(sub),
        task_id: null,
        metadata: { method: 'PUT', path: `/sessions/${body.id}`, code: 'auth.forbidden' },
      },
    ]);
  });

  it('access_denied is recorded once for every kind of 403', async () => {
    const [from, to, router] = [newSubject('from'), newSubject('to'), newSubject('router')];
    const routed = await mesh.agent(from, router).post<{ task_id: string }>('/tasks/route', {
      target: to,
      task: { task_type: 'x' },
    });
    const { task_id } = routed.body;
    const denied = await Promise.all([
      mesh.agent(to, router).post('/approvals', { task_id, decision: 'approved' }),
      mesh.agent(from).post('/sessions', { role: to }),
      mesh.agent(from).get('/metrics'),
      mesh.agent('auditor').post('/approvals', { task_id, approver_role: 'x' }),
    ]);
    expect(denied.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
    for (const { headers, body } of denied) {
      const trace = headers.get('x-trace-id') ?? '';
      const events = await listEvents(mesh.agent('auditor'), `trace_id=${trace}`);
      expect(events).toMatchObject([
        { event_type: 'access_denied', metadata: { code: body.code } },
      ]);
    }
  });

  it('access_denied is recorded once for each concealed resource, however often the caller requests it', async () => {
    const [from, to, sub] = [newSubject('from'), newSubject('to'), newSubject('stranger')];
    const task_id = await routeTask(mesh, from, to);
    const ask = { task_id, approver_role: to };
    const { body } = await mesh.agent(from).post<{ approval_id: string }>('/approvals', ask);
    const session = (await mesh.agent(to).get<{ id: string }>(`/sessions/${task_id}`)).body.id;
    const role = newSubject('stranger');
    const stranger = mesh.agent(role, sub);
    const answers = [
      await stranger.get(`/tasks/${task_id}`),
      await stranger.get(`/approvals/${body.approval_id}`),
      await stranger.get(`/sessions/${session}`),
      await stranger.put(`/sessions/${session}`, { status: 'active' }),
      await stranger.post('/approvals', ask),
    ];
    for (let again = 0; again < 5; again++) await stranger.get(`/tasks/${task_id}`);
    expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404]);
    let events: EventBody[] = [];
    while (events.length < answers.length)
      events = await listEvents(mesh.agent('auditor'), `event_type=access_denied&role=${role}`);
    expect(events.map(({ metadata }) => metadata)).toEqual(
      expect.arrayContaining(
        answers.map(({ body: { code, instance } }) =>
          expect.objectContaining({ path: instance, code, concealed: true }),
        ),
      ),
    );
    expect(events).toHaveLength(answers.length);
    expect(await listEvents(stranger, '')).toEqual([]);
  });

  it('equal denials are recorded once, and later with their number', async () => {
    const databaseUrl = await newDatabase();
    const busy = await startTestApp({ databaseUrl });
    const [one, other] = [newSubject('one'), newSubject('other')];
    const denials = [
      ...Array.from({ length: 6 }, () => busy.agent('x', one).get('/metrics')),
      busy.agent('x', other).get('/metrics'),
      busy.agent('x', one).post('/sessions', { role: 'y' }),
    ];
    expect(new Set((await Promise.all(denials)).map(({ status }) => status))).toEqual(
      new Set([403]),
    );
    const first = [
      { actor: actorOf(one), code: 'auth.forbidden', repeated: null },
      { actor: actorOf(one), code: 'auth.role_not_held', repeated: null },
      { actor: actorOf(other), code: 'auth.forbidden', repeated: null },
    ];
    expect(await recordedDenials(databaseUrl)).toEqual(first);
    await busy.close();
    expect(await recordedDenials(databaseUrl)).toEqual([
      first[0],
      { actor: actorOf(one), code: 'auth.forbidden', repeated: 5 },
      ...first.slice(1),
    ]);
    await dropTestDatabase(databaseUrl);
  });

  it('access_denied is not recorded for 400, 404 of missing resources, and 409', async () => {
    const client = mesh.agent('finance');
    const answers = [
      await client.post('/sessions', {}),
      await client.get(`/sessions/${randomUUID()}`),
      await client.put(`/sessions/task-${randomUUID()}`, { status: 'active' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 404, 409]);
    for (const { headers } of answers)
      expect(
        await listEvents(mesh.agent('auditor'), `trace_id=${headers.get('x-trace-id') ?? ''}`),
      ).toEqual([]);
  });

  it('access_denied is not returned to the denied caller', async () => {
    const client = mesh.agent(newSubject('curious'));
    await client.get('/metrics');
    expect(await listEvents(client, '')).toEqual([]);
  });
});

import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  newSubject,
  startTestApp,
  type TestApp,
  TEST_SECRET,
  tokenFor,
} from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';
import { signedToken } from '../../support/signed-token.js';

interface EventBody {
  id: string;
  event_type: string;
  role: string;
  actor: string;
  timestamp: string;
  trace_id: string;
  task_id: string | null;
  metadata: Record<string, unknown>;
}

interface PageBody {
  events: EventBody[];
  page_size: number;
  next_cursor: string | null;
}

interface AckBody {
  event_id: string;
  status: string;
  trace_id: string;
}

describe('the audit trail', () => {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  const agent = (roles: string | string[], sub?: string) =>
    new Client(mesh.url, tokenFor(roles, sub ?? newSubject('agent')));
  const subject = (sub: string) => `agent-mesh-dev#${sub}`;

  const REPORT = { source: 'policy-engine', category: 'policy', action: 'evaluated' };

  async function stored(id: string): Promise<EventBody> {
    const [event] = await mesh.query<EventBody>(`SELECT * FROM audit_events WHERE id = $1`, [id]);
    if (!event) throw new Error('the event is not there');
    return event;
  }

  async function eventsFor(client: Client, query: string): Promise<EventBody[]> {
    const answer = await client.get<PageBody>(`/audit/events?${query}`);
    expect(answer.status).toBe(200);
    return answer.body.events;
  }

  const typesFor = async (client: Client, query: string) =>
    (await eventsFor(client, query)).map(({ event_type }) => event_type);

  async function newTask(from: string, to: string, headers: Record<string, string> = {}) {
    const task = { task_type: 'approval' };
    const { body } = await agent(from).post<{ task_id: string; trace_id: string }>(
      '/tasks/route',
      { target: to, task },
      headers,
    );
    return body;
  }

  function expectProblem(answer: Answer, status: number, code: string): void {
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  }

  describe('takes reports of agents', () => {
    it('under the role and subject of the token, at the controller’s time', async () => {
      const sub = newSubject('reporter');
      const trace = randomUUID();
      const answer = await agent('finance', sub).post<AckBody>('/audit/ingest', {
        ...REPORT,
        subject: 'invoice 4711',
        traceId: trace,
        timestamp: '2020-01-31T12:00:00.123+01:00',
        metadata: { rule: 'limit' },
        content: 'Over the limit',
      });
      expect(answer.status).toBe(202);
      expect(answer.body).toEqual({
        event_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        status: 'accepted',
        trace_id: trace,
      });
      const event = await stored(answer.body.event_id);
      expect(event).toMatchObject({
        event_type: 'agent.policy.evaluated',
        role: 'finance',
        actor: subject(sub),
        trace_id: trace,
        task_id: null,
        metadata: {
          rule: 'limit',
          source: 'policy-engine',
          subject: 'invoice 4711',
          content: 'Over the limit',
          reported_at: '2020-01-31T12:00:00.123+01:00',
          request_trace_id: answer.headers.get('x-trace-id'),
        },
      });
      expect(Date.now() - Date.parse(event.timestamp)).toBeLessThan(60_000);
    });

    it('under the request’s trace when they name none, and any form of theirs', async () => {
      const own = await agent('finance').post<AckBody>('/audit/ingest', REPORT);
      expect(own.body.trace_id).toBe(own.headers.get('x-trace-id'));
      const trace = randomUUID();
      for (const traceId of [trace.toUpperCase(), trace.replaceAll('-', '')]) {
        const given = await agent('finance').post<AckBody>('/audit/ingest', { ...REPORT, traceId });
        expect(given.body.trace_id).toBe(trace);
      }
    });

    it.each(['text', { any: ['thing', null, { toString: 'x' }] }, ['list'], 7, false])(
      'with content of any kind: %j',
      async (content) => {
        const { body } = await agent('finance').post<AckBody>('/audit/ingest', {
          ...REPORT,
          content,
        });
        expect((await stored(body.event_id)).metadata.content).toEqual(content);
      },
    );

    it('without losing what their own metadata calls subject, content or reported_at', async () => {
      const metadata = { subject: 's', content: ['c'], reported_at: 'r', toString: 1 };
      const { body } = await agent('finance').post<AckBody>('/audit/ingest', {
        ...REPORT,
        metadata,
      });
      const { request_trace_id, ...kept } = (await stored(body.event_id)).metadata;
      expect(request_trace_id).toBe(body.trace_id);
      expect(kept).toEqual({ ...metadata, source: 'policy-engine' });
    });

    it('without believing what they say of the trace of the request or their role', async () => {
      const sub = newSubject('reporter');
      const { body } = await agent('finance', sub).post<AckBody>('/audit/ingest', {
        ...REPORT,
        metadata: { role: 'admin', actor: 'system', request_trace_id: randomUUID() },
      });
      const event = await stored(body.event_id);
      expect(event).toMatchObject({ role: 'finance', actor: subject(sub) });
      expect(event.metadata.request_trace_id).toBe(body.trace_id);
    });

    it.each([
      [{}, ['/source', '/category', '/action']],
      [{ ...REPORT, source: '' }, ['/source']],
      [{ ...REPORT, source: 's'.repeat(201) }, ['/source']],
      [{ ...REPORT, source: 7 }, ['/source']],
      [{ ...REPORT, category: 'two words' }, ['/category']],
      [{ ...REPORT, category: 'a..b' }, ['/category']],
      [{ ...REPORT, category: '.a' }, ['/category']],
      [{ ...REPORT, action: 'a.' }, ['/action']],
      [{ ...REPORT, action: '' }, ['/action']],
      [{ ...REPORT, action: 'ä' }, ['/action']],
      [{ ...REPORT, action: 'x\n' }, ['/action']],
      [{ ...REPORT, category: 'c'.repeat(44) }, ['/category']],
      [{ ...REPORT, category: 'c'.repeat(20), action: 'a'.repeat(24) }, ['/action']],
      [{ ...REPORT, subject: 's'.repeat(1001) }, ['/subject']],
      [{ ...REPORT, subject: {} }, ['/subject']],
      [{ ...REPORT, traceId: ' ' }, ['/traceId']],
      [{ ...REPORT, traceId: 'a\nb' }, ['/traceId']],
      [{ ...REPORT, traceId: 'x\u200b' }, ['/traceId']],
      [{ ...REPORT, traceId: 'x'.repeat(201) }, ['/traceId']],
      [{ ...REPORT, traceId: 7 }, ['/traceId']],
      [{ ...REPORT, timestamp: 'yesterday' }, ['/timestamp']],
      [{ ...REPORT, timestamp: 1_700_000_000 }, ['/timestamp']],
      [{ ...REPORT, timestamp: '2026-02-30T00:00:00Z' }, ['/timestamp']],
      [{ ...REPORT, metadata: [] }, ['/metadata']],
      [{ ...REPORT, metadata: 'x' }, ['/metadata']],
      [{ ...REPORT, role: 'admin' }, ['/role']],
      [{ ...REPORT, actor: 'system', event_type: 'task_routed' }, ['/actor', '/event_type']],
    ])('not of the shape %j', async (body, pointers) => {
      const answer = await agent('finance').post<{ errors: { pointer: string }[] }>(
        '/audit/ingest',
        body,
      );
      expect(answer.status).toBe(400);
      expect(new Set(answer.body.errors.map(({ pointer }) => pointer))).toEqual(new Set(pointers));
    });

    it('with dots in category and action, and never as an event of the controller', async () => {
      for (const [category, action] of [
        ['agent.action', 'task.sent'],
        ['task_routed', 'x'],
        ['a', 'b.c'],
      ]) {
        const { body } = await agent('finance').post<AckBody>('/audit/ingest', {
          ...{ source: 's', category, action },
        });
        const { event_type } = await stored(body.event_id);
        expect(event_type).toBe(`agent.${category}.${action}`);
      }
    });

    it('under a trace that is no UUID, the same one for all who name it', async () => {
      const traceId = `trace-${newSubject('x')}`;
      const [one, two] = [agent('finance'), agent('legal')];
      const first = await one.post<AckBody>('/audit/ingest', { ...REPORT, traceId });
      const second = await two.post<AckBody>('/audit/ingest', { ...REPORT, traceId });
      const other = await one.post<AckBody>('/audit/ingest', { ...REPORT, traceId: `${traceId}2` });
      expect(first.body.trace_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab]/);
      expect(second.body.trace_id).toBe(first.body.trace_id);
      expect(other.body.trace_id).not.toBe(first.body.trace_id);
      expect((await stored(first.body.event_id)).metadata.reported_trace_id).toBe(traceId);
      const events = await eventsFor(agent('auditor'), `trace_id=${first.body.trace_id}`);
      expect(events).toHaveLength(2);
    });

    it('without a trace where its id is empty, and with none reported where it is a UUID', async () => {
      const empty = await agent('finance').post<AckBody>('/audit/ingest', {
        ...{ ...REPORT, traceId: '' },
      });
      expect(empty.body.trace_id).toBe(empty.headers.get('x-trace-id'));
      const uuid = await agent('finance').post<AckBody>('/audit/ingest', {
        ...{ ...REPORT, traceId: randomUUID() },
      });
      for (const { event_id } of [empty.body, uuid.body])
        expect((await stored(event_id)).metadata).not.toHaveProperty('reported_trace_id');
    });

    it('with category and action of 43 characters together', async () => {
      const body = { ...REPORT, category: 'c'.repeat(20), action: 'a'.repeat(23) };
      const answer = await agent('finance').post<AckBody>('/audit/ingest', body);
      expect((await stored(answer.body.event_id)).event_type).toHaveLength(50);
    });

    it('only with a role to report under', async () => {
      const now = Math.floor(Date.now() / 1000);
      const token = (roles: string[]) =>
        signedToken(
          { alg: 'HS256' },
          { iss: 'agent-mesh-dev', sub: newSubject('x'), roles, iat: now, exp: now + 60 },
          TEST_SECRET,
        );
      const ambiguous = new Client(mesh.url, token(['finance', 'legal']));
      expectProblem(await ambiguous.post('/audit/ingest', REPORT), 400, 'auth.role_ambiguous');
      const nobody = new Client(mesh.url, token([]));
      expectProblem(await nobody.post('/audit/ingest', REPORT), 403, 'auth.role_not_held');
    });

    it('of 40 at the same time, each once', async () => {
      const sub = newSubject('reporter');
      const client = agent('finance', sub);
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, n) =>
          client.post<AckBody>('/audit/ingest', { ...REPORT, metadata: { n } }),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
      const events = await eventsFor(client, 'page_size=100');
      expect(events.map(({ id }) => id).sort()).toEqual(
        answers.map(({ body }) => body.event_id).sort(),
      );
    });
  });

  describe('cannot be changed', () => {
    it.each([
      `UPDATE audit_events SET role = 'x'`,
      `UPDATE audit_events SET role = 'x' WHERE false`,
      'DELETE FROM audit_events',
      'DELETE FROM audit_events WHERE false',
      'TRUNCATE audit_events',
      'TRUNCATE tasks, sessions, approvals, audit_events CASCADE',
    ])('by %s', async (statement) => {
      const { body } = await agent('finance').post<AckBody>('/audit/ingest', REPORT);
      await expect(mesh.query(statement)).rejects.toThrow('audit_events is append-only');
      expect(await stored(body.event_id)).toMatchObject({ role: 'finance' });
    });

    it('by any method over HTTP', async () => {
      for (const method of ['PUT', 'PATCH', 'DELETE', 'POST']) {
        const answer = await agent('admin').call(method, '/audit/events');
        expectProblem(answer, 405, 'request.method_not_allowed');
        expect(answer.headers.get('allow')).toBe('GET, HEAD');
      }
    });
  });

  describe('is read', () => {
    it('by all who take part in the task, about the task', async () => {
      const [from, to, approver] = [newSubject('from'), newSubject('to'), newSubject('approver')];
      const { task_id } = await newTask(from, to);
      await agent(from).post('/approvals', { task_id, approver_role: approver });
      for (const role of [from, to, approver]) {
        expect(await typesFor(agent(role), `task_id=${task_id}`)).toEqual([
          'task_routed',
          'approval_requested',
        ]);
        expect(await typesFor(agent(role), '')).toHaveLength(2);
      }
    });

    it('by nobody else, except for their own reports', async () => {
      const trace = randomUUID();
      await newTask(newSubject('from'), newSubject('to'), { 'x-trace-id': trace });
      const stranger = agent(newSubject('stranger'));
      expect(await eventsFor(stranger, `trace_id=${trace}`)).toEqual([]);
      await stranger.post('/audit/ingest', { ...REPORT, traceId: trace });
      expect(await typesFor(stranger, `trace_id=${trace}`)).toEqual(['agent.policy.evaluated']);
    });

    it('not by other subjects of the role that reported', async () => {
      const role = newSubject('reporter');
      await agent(role).post('/audit/ingest', REPORT);
      expect(await eventsFor(agent(role), '')).toEqual([]);
    });

    it('whole by auditors and admins', async () => {
      const trace = randomUUID();
      await newTask(newSubject('from'), newSubject('to'), { 'x-trace-id': trace });
      await agent('finance').post('/audit/ingest', { ...REPORT, traceId: trace });
      await agent('finance').post('/sessions', { role: 'finance' }, { 'x-trace-id': trace });
      for (const staff of ['auditor', 'admin']) {
        expect(await typesFor(agent(staff), `trace_id=${trace}`)).toEqual([
          'task_routed',
          'agent.policy.evaluated',
          'session_created',
        ]);
      }
    });

    it('by each filter, and by all of them', async () => {
      const [from, to] = [newSubject('from'), newSubject('to')];
      const { task_id, trace_id } = await newTask(from, to);
      const { body } = await agent(to).get<{ id: string }>(`/sessions/${task_id}`);
      await agent(to).put(`/sessions/${body.id}`, { status: 'active' });
      const client = agent(from);
      const both = ['task_routed', 'session_transitioned'];
      expect(await typesFor(client, `task_id=${task_id}`)).toEqual(both);
      expect(await typesFor(client, `task_id=${task_id.slice(5)}`)).toEqual(both);
      expect(await typesFor(client, `trace_id=${trace_id}`)).toEqual(both);
      expect(await typesFor(client, `role=${to}`)).toEqual(['session_transitioned']);
      expect(await typesFor(client, 'event_type=task_routed')).toEqual(['task_routed']);
      const [, second] = await mesh.query<{ at: string }>(
        `SELECT to_char(timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
           FROM audit_events WHERE trace_id = $1 ORDER BY timestamp`,
        [trace_id],
      );
      const at = second?.at ?? '';
      expect(await typesFor(client, `from=${at}`)).toEqual(['session_transitioned']);
      expect(await typesFor(client, `to=${at}`)).toEqual(['task_routed']);
      expect(await typesFor(client, `from=${at}&to=${at}`)).toEqual([]);
      const all = `task_id=${task_id}&trace_id=${trace_id}&role=${from}&event_type=task_routed&to=${at}`;
      expect(await typesFor(client, all)).toEqual(['task_routed']);
    });

    it('in order, page by page, without a loss or a double, while it grows', async () => {
      const sub = newSubject('reporter');
      const client = agent('finance', sub);
      await mesh.query(
        `INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id)
         SELECT gen_random_uuid(), 'agent.test.page', 'finance', $1,
                date_trunc('hour', now()) - interval '1 hour' + (n / 5) * interval '1 microsecond', gen_random_uuid()
           FROM generate_series(1, 23) n`,
        [subject(sub)],
      );
      const seen: EventBody[] = [];
      let more = '';
      do {
        const { body } = await client.get<PageBody>(
          `/audit/events?event_type=agent.test.page&page_size=4${more}`,
        );
        seen.push(...body.events);
        more = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`;
        if (seen.length < 20)
          await client.post('/audit/ingest', { ...REPORT, category: 'test', action: 'page' });
      } while (more !== '');
      const old = await mesh.query<EventBody>(
        `SELECT id FROM audit_events WHERE actor = $1 ORDER BY timestamp, id`,
        [subject(sub)],
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
    ])('not with ?%s', async (query) => {
      const answer = await agent('auditor').get(`/audit/events?${query}`);
      expectProblem(answer, 400, 'request.invalid');
    });
  });

  describe('is streamed', () => {
    const NDJSON = { accept: 'application/x-ndjson' };

    it('whole, one event a line, over more pages than one', async () => {
      const sub = newSubject('reporter');
      await mesh.query(
        `INSERT INTO audit_events (id, event_type, role, actor, trace_id)
         SELECT gen_random_uuid(), 'agent.test.stream', 'finance', $1, gen_random_uuid()
           FROM generate_series(1, 1203)`,
        [subject(sub)],
      );
      const answer = await agent('finance', sub).get('/audit/events', { headers: NDJSON });
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toContain('application/x-ndjson');
      expect(answer.text.endsWith('\n')).toBe(true);
      const events = answer.text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as EventBody);
      expect(new Set(events.map(({ id }) => id)).size).toBe(1203);
      expect(events.every(({ actor }) => actor === subject(sub))).toBe(true);
    });

    it('with the filters, and as nothing where nothing matches', async () => {
      const client = agent(newSubject('reporter'));
      await client.post('/audit/ingest', REPORT);
      await client.post('/audit/ingest', { ...REPORT, action: 'asked' });
      const some = await client.get('/audit/events?event_type=agent.policy.asked', {
        headers: NDJSON,
      });
      expect(some.text.trimEnd().split('\n')).toHaveLength(1);
      const none = await client.get(`/audit/events?trace_id=${randomUUID()}`, { headers: NDJSON });
      expect(none).toMatchObject({ status: 200, text: '' });
    });

    it('not with bad parameters, nor to those without a token, who get problems', async () => {
      const bad = await agent('auditor').get('/audit/events?from=x', { headers: NDJSON });
      expectProblem(bad, 400, 'request.invalid');
      expect(bad.headers.get('content-type')).toContain('application/problem+json');
      const nobody = await new Client(mesh.url).get('/audit/events', { headers: NDJSON });
      expectProblem(nobody, 401, 'auth.token_missing');
    });

    it('whole to those who come after others that gave up in the middle, and leaves no listener behind', async () => {
      const sub = newSubject('reporter');
      await mesh.query(
        `INSERT INTO audit_events (id, event_type, role, actor, trace_id, metadata)
         SELECT gen_random_uuid(), 'agent.test.stream', 'finance', $1, gen_random_uuid(),
                jsonb_build_object('text', repeat('x', 2000))
           FROM generate_series(1, 3000)`,
        [subject(sub)],
      );
      const token = tokenFor('finance', sub);
      for (let i = 0; i < 15; i++) {
        const stop = new AbortController();
        const response = await fetch(`${mesh.url}/audit/events`, {
          headers: { ...NDJSON, authorization: `Bearer ${token}` },
          signal: stop.signal,
        });
        const reader = response.body?.getReader();
        await reader?.read();
        stop.abort();
      }
      let listeners = 0;
      mesh.app.getHttpServer().once('request', (_request, response: ServerResponse) => {
        response.once('finish', () => {
          listeners = response.listenerCount('close');
        });
      });
      const whole = await new Client(mesh.url, token).get('/audit/events', { headers: NDJSON });
      expect(whole.text.trimEnd().split('\n')).toHaveLength(3000);
      expect(listeners).toBeLessThan(10);
    });
  });

  describe('tells of calls that were denied', () => {
    it('who, what and why, under the request’s trace', async () => {
      const [from, to, sub] = [newSubject('from'), newSubject('to'), newSubject('curious')];
      const { task_id } = await newTask(from, to);
      const { body } = await agent(to).get<{ id: string }>(`/sessions/${task_id}`);
      const denied = await agent(from, sub).put(`/sessions/${body.id}`, { status: 'active' });
      expectProblem(denied, 403, 'auth.forbidden');
      const trace = denied.headers.get('x-trace-id') ?? '';
      expect(await eventsFor(agent('auditor'), `trace_id=${trace}`)).toMatchObject([
        {
          event_type: 'access_denied',
          role: from,
          actor: subject(sub),
          task_id: null,
          metadata: { method: 'PUT', path: `/sessions/${body.id}`, code: 'auth.forbidden' },
        },
      ]);
    });

    it('of every kind of 403, once each', async () => {
      const [from, to, router] = [newSubject('from'), newSubject('to'), newSubject('router')];
      const routed = await agent(from, router).post<{ task_id: string }>('/tasks/route', {
        target: to,
        task: { task_type: 'x' },
      });
      const { task_id } = routed.body;
      const denied = await Promise.all([
        agent(to, router).post('/approvals', { task_id, decision: 'approved' }),
        agent(from).post('/sessions', { role: to }),
        agent(from).get('/metrics'),
        agent('auditor').post('/approvals', { task_id, approver_role: 'x' }),
      ]);
      expect(denied.map(({ status }) => status)).toEqual([403, 403, 403, 403]);
      for (const { headers, body } of denied) {
        const trace = headers.get('x-trace-id') ?? '';
        const events = await eventsFor(agent('auditor'), `trace_id=${trace}`);
        expect(events).toMatchObject([
          { event_type: 'access_denied', metadata: { code: body.code } },
        ]);
      }
    });

    it('of things that are concealed from the caller, once however often it asks', async () => {
      const [from, to, sub] = [newSubject('from'), newSubject('to'), newSubject('stranger')];
      const { task_id } = await newTask(from, to);
      const ask = { task_id, approver_role: to };
      const { body } = await agent(from).post<{ approval_id: string }>('/approvals', ask);
      const session = (await agent(to).get<{ id: string }>(`/sessions/${task_id}`)).body.id;
      const role = newSubject('stranger');
      const stranger = agent(role, sub);
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
        events = await eventsFor(agent('auditor'), `event_type=access_denied&role=${role}`);
      expect(events.map(({ metadata }) => metadata)).toEqual(
        expect.arrayContaining(
          answers.map(({ body: { code, instance } }) =>
            expect.objectContaining({ path: instance, code, concealed: true }),
          ),
        ),
      );
      expect(events).toHaveLength(answers.length);
      expect(await eventsFor(stranger, '')).toEqual([]);
    });

    it('not of bad input, missing things or conflicts', async () => {
      const client = agent('finance');
      const answers = [
        await client.post('/sessions', {}),
        await client.get(`/sessions/${randomUUID()}`),
        await client.put(`/sessions/task-${randomUUID()}`, { status: 'active' }),
      ];
      expect(answers.map(({ status }) => status)).toEqual([400, 404, 409]);
      for (const { headers } of answers)
        expect(
          await eventsFor(agent('auditor'), `trace_id=${headers.get('x-trace-id') ?? ''}`),
        ).toEqual([]);
    });

    it('to auditors, not to the one who was denied', async () => {
      const client = agent(newSubject('curious'));
      await client.get('/metrics');
      expect(await eventsFor(client, '')).toEqual([]);
    });
  });
});

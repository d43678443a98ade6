import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AuditService } from '../../../src/audit/audit.service.js';
import { developmentToken } from '../../../src/auth/development-token.js';
import {
  newSubject,
  startTestApp,
  type TestApp,
  TEST_SECRET,
  tokenFor,
} from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';
import { signedToken } from '../../support/signed-token.js';

interface TaskBody {
  id: string;
  task_type: string;
  description: string;
  from_role: string;
  to_role: string;
  data: Record<string, unknown>;
  context: Record<string, unknown>;
  status: string;
  session_id: string;
  trace_id: string;
}

interface PageBody {
  tasks: TaskBody[];
  page_size: number;
  next_cursor: string | null;
}

interface RoutedBody {
  task_id: string;
  status: string;
  trace_id: string;
}

/** A token with roles but no `role` claim: it does not say which of them to act for. */
function tokenWithoutDefault(roles: string[]): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'agent-mesh-dev',
    sub: newSubject('agent'),
    roles,
    iat: now,
    exp: now + 60,
  };
  return signedToken({ alg: 'HS256' }, claims, TEST_SECRET);
}

describe('tasks', () => {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  const agent = (roles: string | string[]) =>
    new Client(mesh.url, tokenFor(roles, newSubject('agent')));

  const TASK = { task_type: 'budget_approval', description: 'Q3', data: { amount: 50_000 } };

  /** Routes a task and reads it back as a participant. */
  async function routed(body: object, from = newSubject('from')): Promise<TaskBody> {
    const client = agent(from);
    const answer = await client.post<RoutedBody>('/tasks/route', { target: 'manager', ...body });
    expect(answer).toMatchObject({ status: 202, body: { status: 'accepted' } });
    return (await client.get<TaskBody>(`/tasks/${answer.body.task_id}`)).body;
  }

  function expectProblem(answer: Answer, status: number, code: string): void {
    expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
  }

  describe('are routed', () => {
    it('to a role, with a first attempt that is pending and one event that names both', async () => {
      const [from, to, sub] = [newSubject('from'), newSubject('to'), newSubject('router')];
      const client = new Client(mesh.url, tokenFor(from, sub));
      await new Client(mesh.url, tokenFor(to)).get('/me');
      const answer = await client.post<RoutedBody>('/tasks/route', {
        target: to,
        task: TASK,
        context: { origin: 'mail' },
      });
      expect(answer.status).toBe(202);
      expect(answer.body).toEqual({
        task_id: expect.stringMatching(/^task-[0-9a-f-]{36}$/),
        status: 'accepted',
        trace_id: answer.headers.get('x-trace-id'),
      });
      const task = await client.get<TaskBody>(`/tasks/${answer.body.task_id}`);
      expect(task.body).toMatchObject({
        ...TASK,
        context: { origin: 'mail' },
        from_role: from,
        to_role: to,
        status: 'pending',
        attempt: 1,
        claimed_by: null,
        created_by: `agent-mesh-dev#${sub}`,
        trace_id: answer.body.trace_id,
        attempts: [{ attempt: 1, status: 'pending', role: to, trace_id: answer.body.trace_id }],
        approvals: [],
      });
      expect(
        await mesh.query(
          `SELECT event_type, role, actor, session_id, metadata->>'to_role' AS to_role
             FROM audit_events WHERE task_id = $1`,
          [task.body.id],
        ),
      ).toEqual([
        {
          event_type: 'task_routed',
          role: from,
          actor: `agent-mesh-dev#${sub}`,
          session_id: task.body.session_id,
          to_role: to,
        },
      ]);
    });

    it('by the role that the body names, if the caller holds it', async () => {
      const [first, second] = [newSubject('first'), newSubject('second')];
      const both = agent([first, second]);
      const answer = await both.post<RoutedBody>('/tasks/route', {
        target: 'manager',
        from_role: second,
        task: TASK,
      });
      const { body } = await both.get<TaskBody>(`/tasks/${answer.body.task_id}`);
      expect(body.from_role).toBe(second);
      const refused = await both.post('/tasks/route', {
        target: 'manager',
        from_role: 'legal',
        task: TASK,
      });
      expectProblem(refused, 403, 'auth.role_not_held');
    });

    it('by the role of the token’s role claim, when the body names none', async () => {
      const [first, second] = [newSubject('first'), newSubject('second')];
      const both = agent([first, second]);
      const { body } = await both.post<RoutedBody>('/tasks/route', { target: 'x', task: TASK });
      expect((await both.get<TaskBody>(`/tasks/${body.task_id}`)).body.from_role).toBe(first);
    });

    it('not by a caller with several roles and no default, who is told which', async () => {
      const roles = [newSubject('first'), newSubject('second')];
      const both = new Client(mesh.url, tokenWithoutDefault(roles));
      const answer = await both.post('/tasks/route', { target: 'manager', task: TASK });
      expectProblem(answer, 400, 'auth.role_ambiguous');
      for (const role of roles) expect(answer.body.detail).toContain(role);
      const named = await both.post('/tasks/route', {
        target: 'manager',
        from_role: roles[1],
        task: TASK,
      });
      expect(named.status).toBe(202);
    });

    it('not by a caller without a role', async () => {
      const nobody = new Client(mesh.url, tokenWithoutDefault([]));
      const answer = await nobody.post('/tasks/route', { target: 'manager', task: TASK });
      expectProblem(answer, 403, 'auth.role_not_held');
    });

    it.each(['admin', 'auditor', 'system'])('never to the reserved role %s', async (target) => {
      const answer = await agent('finance').post('/tasks/route', { target, task: TASK });
      expectProblem(answer, 400, 'request.invalid');
      expect(answer.body.errors).toMatchObject([{ pointer: '/target' }]);
    });

    it.each([
      ['without a target', { task: TASK }, '/target'],
      ['with an empty target', { target: '', task: TASK }, '/target'],
      ['with a target of 51 characters', { target: 'r'.repeat(51), task: TASK }, '/target'],
      ['with a target of two lines', { target: 'a\nb', task: TASK }, '/target'],
      ['without a task', { target: 'manager' }, '/task'],
      ['with a task that is a text', { target: 'manager', task: 'x' }, '/task'],
      ['with a task that is a list', { target: 'manager', task: [TASK] }, '/task'],
      ['without a type', { target: 'manager', task: { description: 'x' } }, '/task/task_type'],
      ['with an empty type', { target: 'm', task: { task_type: '' } }, '/task/task_type'],
      [
        'with a type of 51 characters',
        { target: 'm', task: { task_type: 't'.repeat(51) } },
        '/task/task_type',
      ],
      [
        'with a description that is a number',
        { target: 'm', task: { ...TASK, description: 7 } },
        '/task/description',
      ],
      [
        'with a description of 10,001 characters',
        { target: 'm', task: { ...TASK, description: 'd'.repeat(10_001) } },
        '/task/description',
      ],
      ['with data that is a list', { target: 'm', task: { ...TASK, data: [] } }, '/task/data'],
      ['with data that is a text', { target: 'm', task: { ...TASK, data: 'x' } }, '/task/data'],
      ['with a context that is a list', { target: 'm', task: TASK, context: [] }, '/context'],
      ['with an unknown member', { target: 'm', task: TASK, extra: 1 }, '/extra'],
      ['with an inherited name', { target: 'm', task: TASK, valueOf: 1 }, '/valueOf'],
    ])('not %s', async (_, body, pointer) => {
      const answer = await agent('finance').post<{ errors: { pointer: string }[] }>(
        '/tasks/route',
        body,
      );
      expect(answer.status).toBe(400);
      expect(answer.body.errors.map((problem) => problem.pointer)).toContain(pointer);
    });

    it('with as much as fits: 50 characters of any script, a long description, no data', async () => {
      const role = '財務🦊'.repeat(13).slice(0, 62) + '🦊';
      expect([...role].length).toBeLessThanOrEqual(50);
      const task = await routed(
        {
          target: '🦊'.repeat(50),
          task: { task_type: 'ß'.repeat(50), description: 'd'.repeat(10_000) },
        },
        role,
      );
      expect(task).toMatchObject({
        from_role: role,
        to_role: '🦊'.repeat(50),
        task_type: 'ß'.repeat(50),
        data: {},
        context: {},
      });
      const inbox = await agent('🦊'.repeat(50)).get<PageBody>(
        `/tasks?to_role=${encodeURIComponent('🦊'.repeat(50))}`,
      );
      expect(inbox.body.tasks.map(({ id }) => id)).toEqual([task.id]);
    });

    it('never with a type that only looks short', async () => {
      const task_type = '❤️'.repeat(50);
      const answer = await agent('finance').post('/tasks/route', {
        target: 'm',
        task: { task_type },
      });
      expectProblem(answer, 400, 'request.invalid');
    });

    it('with data that comes back as it was sent', async () => {
      const data = {
        '': 'empty name',
        'a/b~c': [null, true, 0.1, -0.5, 1e-7, 9_007_199_254_740_991],
        nested: { toString: 'x', text: '\u2028 \\ " \u0001 🦊', list: [[], {}] },
      };
      expect((await routed({ task: { task_type: 'x', data } })).data).toEqual(data);
    });
  });

  describe('of careless clients', () => {
    it.each([
      [{ type: 'budget', amount: 1 }, 'budget', '', { amount: 1 }],
      [
        { task_type: 'budget', amount: 1, to: { x: [] } },
        'budget',
        '',
        { amount: 1, to: { x: [] } },
      ],
      [{ type: 'a', task_type: 'a' }, 'a', '', {}],
      [{ type: 'a', description: 'd', data: { x: 1 }, y: 2 }, 'a', 'd', { x: 1, y: 2 }],
      [{ type: 'a', y: null }, 'a', '', { y: null }],
      [{ type: 'a', data: null, description: null, task_type: null }, 'a', '', {}],
      [{ type: 'a', toString: 1, valueOf: 2 }, 'a', '', { toString: 1, valueOf: 2 }],
      [{ task_type: 'a', data: { type: 'inner' } }, 'a', '', { type: 'inner' }],
    ])('are understood: %j', async (task, task_type, description, data) => {
      expect(await routed({ task })).toMatchObject({ task_type, description });
      expect((await routed({ task })).data).toEqual(data);
    });

    it('are understood without a context, or with one that is null', async () => {
      expect((await routed({ task: TASK })).context).toEqual({});
      expect((await routed({ task: TASK, context: null })).context).toEqual({});
    });

    it.each([
      [{ amount: 1 }, '/task/task_type'],
      [{ type: 'a', task_type: 'b' }, '/type'],
      [{ type: 7 }, '/task/task_type'],
      [{ type: 'a', data: [1], amount: 1 }, '/task/data'],
      [{ type: 'a', data: 'x' }, '/task/data'],
      [{ type: 'a', amount: 1, data: { amount: 2 } }, '/task/amount'],
      [{ type: 'a', amount: 1, data: { amount: 1 } }, '/task/amount'],
    ])('are refused: %j', async (task, pointer) => {
      const answer = await agent('finance').post<{ errors: { pointer: string }[] }>(
        '/tasks/route',
        { target: 'manager', task },
      );
      expect(answer.status).toBe(400);
      expect(answer.body.errors.map((problem) => problem.pointer)).toContain(pointer);
    });

    it('are told of every collision', async () => {
      const answer = await agent('finance').post<{ errors: { pointer: string }[] }>(
        '/tasks/route',
        { target: 'manager', task: { type: 'a', x: 1, 'y/z': 1, data: { x: 1, 'y/z': 1 } } },
      );
      expect(answer.body.errors.map(({ pointer }) => pointer)).toEqual(['/task/x', '/task/y~1z']);
    });
  });

  describe('carry a trace', () => {
    const traceOf = async (headers: Record<string, string>) => {
      const answer = await agent('finance').post<RoutedBody>(
        '/tasks/route',
        { target: 'manager', task: TASK },
        headers,
      );
      expect(answer.headers.get('x-trace-id')).toBe(answer.body.trace_id);
      return answer.body.trace_id;
    };
    const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
    const PARENT = '4bf92f3577b34da6a3ce929d0e0e4736';
    const FROM_PARENT = '4bf92f35-77b3-4da6-a3ce-929d0e0e4736';

    it('that the client gives, in lower case', async () => {
      const trace = randomUUID();
      expect(await traceOf({ 'x-trace-id': trace })).toBe(trace);
      expect(await traceOf({ 'x-trace-id': trace.toUpperCase() })).toBe(trace);
    });

    it('of the traceparent, when that is all there is', async () => {
      expect(await traceOf({ traceparent: `00-${PARENT}-00f067aa0ba902b7-01` })).toBe(FROM_PARENT);
      expect(await traceOf({ traceparent: `cc-${PARENT}-00f067aa0ba902b7-01-more` })).toBe(
        FROM_PARENT,
      );
      const trace = randomUUID();
      const both = { 'x-trace-id': trace, traceparent: `00-${PARENT}-00f067aa0ba902b7-01` };
      expect(await traceOf(both)).toBe(trace);
      expect(await traceOf({ ...both, 'x-trace-id': 'nonsense' })).toBe(FROM_PARENT);
    });

    it.each<Record<string, string>>([
      { 'x-trace-id': 'nonsense' },
      { 'x-trace-id': PARENT },
      { 'x-trace-id': `{${FROM_PARENT}}` },
      { 'x-trace-id': `${FROM_PARENT}, ${FROM_PARENT}` },
      { traceparent: `ff-${PARENT}-00f067aa0ba902b7-01` },
      { traceparent: `00-${PARENT.toUpperCase()}-00f067aa0ba902b7-01` },
      { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` },
      { traceparent: `00-${PARENT}-${'0'.repeat(16)}-01` },
      { traceparent: PARENT },
      {},
    ])('that is new when there is none to take from %j', async (headers) => {
      const trace = await traceOf(headers);
      expect(trace).toMatch(UUID);
      expect(trace).not.toBe(FROM_PARENT);
    });

    it('that all their events keep, beside the trace of the request that made each', async () => {
      const to = newSubject('to');
      const task = await routed({ target: to, task: TASK });
      const request = randomUUID();
      await agent(to).put(
        `/sessions/${task.session_id}`,
        { status: 'active' },
        { 'x-trace-id': request },
      );
      const events = await mesh.query(
        `SELECT trace_id, metadata->>'request_trace_id' AS request FROM audit_events
          WHERE task_id = $1 ORDER BY timestamp, id`,
        [task.id],
      );
      expect(events).toEqual([
        { trace_id: task.trace_id, request: task.trace_id },
        { trace_id: task.trace_id, request },
      ]);
    });
  });

  it('are stored whole or not at all', async () => {
    const failing = await startTestApp({
      override: (builder) =>
        builder.overrideProvider(AuditService).useValue({
          record: () => {
            throw new Error('the trail cannot be written');
          },
        }),
    });
    try {
      failing.app.useLogger(false);
      const client = new Client(failing.url, tokenFor('finance'));
      const answer = await client.post('/tasks/route', { target: 'manager', task: TASK });
      expectProblem(answer, 500, 'server.error');
      expect(answer.text).not.toContain('trail');
      const session = await client.post('/sessions', { role: 'finance' });
      expect(session.status).toBe(500);
      expect(
        await failing.query(
          `SELECT (SELECT count(*) FROM tasks)::integer AS tasks,
                  (SELECT count(*) FROM sessions)::integer AS sessions`,
        ),
      ).toEqual([{ tasks: 0, sessions: 0 }]);
    } finally {
      await failing.close();
    }
  });

  it('routed by 30 at the same time are 30, each with one attempt and one event', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const answers = await Promise.all(
      Array.from({ length: 30 }, () =>
        agent(from).post('/tasks/route', { target: to, task: TASK }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
    const rows = await mesh.query(
      `SELECT t.id, count(DISTINCT s.id)::integer AS attempts, count(DISTINCT e.id)::integer AS events
         FROM tasks t JOIN sessions s ON s.task_id = t.id JOIN audit_events e ON e.task_id = t.id
        WHERE t.to_role = $1 GROUP BY t.id`,
      [to],
    );
    expect(rows).toHaveLength(30);
    expect(rows).toEqual(rows.map(({ id }) => ({ id, attempts: 1, events: 1 })));
  });

  describe('are listed', () => {
    const list = async (client: Client, query = '') => {
      const answer = await client.get<PageBody>(`/tasks?${query}`);
      expect(answer.status).toBe(200);
      return answer.body.tasks.map(({ id }) => id);
    };

    it('to both their roles, to whoever is asked to approve, to staff, to no one else', async () => {
      const [from, to, approver] = [newSubject('from'), newSubject('to'), newSubject('approver')];
      const { id } = await routed({ target: to, task: TASK }, from);
      expect(await list(agent(from))).toEqual([id]);
      expect(await list(agent(to))).toEqual([id]);
      expect(await list(agent(approver))).toEqual([]);
      await agent(from).post('/approvals', { task_id: id, approver_role: approver });
      expect(await list(agent(approver))).toEqual([id]);
      for (const staff of ['admin', 'auditor'])
        expect(await list(agent(staff), `to_role=${to}`)).toEqual([id]);
      expect(await list(agent(newSubject('stranger')), `to_role=${to}`)).toEqual([]);
    });

    it('by each filter, and by all of them', async () => {
      const [from, to] = [newSubject('from'), newSubject('to')];
      const one = await routed({ target: to, task: { task_type: 'one' } }, from);
      const two = await routed({ target: to, task: { task_type: 'two' } }, from);
      const back = await routed({ target: from, task: { task_type: 'one' } }, to);
      await agent(to).put(`/sessions/${two.session_id}`, { status: 'active' });
      const client = agent(from);
      const [{ created_at } = { created_at: '' }] = await mesh.query<{ created_at: Date }>(
        `SELECT created_at FROM tasks WHERE id = $1`,
        [two.id],
      );
      const since = new Date(created_at).toISOString();
      expect(await list(client)).toEqual([back.id, two.id, one.id]);
      expect(await list(client, `to_role=${to}`)).toEqual([two.id, one.id]);
      expect(await list(client, `from_role=${to}`)).toEqual([back.id]);
      expect(await list(client, 'task_type=one')).toEqual([back.id, one.id]);
      expect(await list(client, 'status=active')).toEqual([two.id]);
      expect(await list(client, 'status=pending')).toEqual([back.id, one.id]);
      expect(await list(client, `trace_id=${one.trace_id}`)).toEqual([one.id]);
      expect(await list(client, `created_since=${since}`)).toEqual([back.id, two.id]);
      expect(await list(client, 'created_since=2999-01-01T00:00:00%2B02:00')).toEqual([]);
      const all = `to_role=${to}&from_role=${from}&task_type=two&status=active&trace_id=${two.trace_id}`;
      expect(await list(client, all)).toEqual([two.id]);
      expect(await list(client, `${all}&created_since=2999-01-01T00:00:00Z`)).toEqual([]);
    });

    it.each(['completed', 'failed', 'expired'])('by the status %s', async (status) => {
      const [from, to] = [newSubject('from'), newSubject('to')];
      const { id, session_id } = await routed({ target: to, task: TASK }, from);
      const worker = agent(to);
      await worker.put(`/sessions/${session_id}`, { status: 'active' });
      await worker.put(`/sessions/${session_id}`, { status });
      expect(await list(agent(from), `status=${status}`)).toEqual([id]);
      expect(await list(agent(from), 'status=active')).toEqual([]);
      expect((await agent(from).get(`/tasks/${id}`)).body.status).toBe(status);
    });

    it('with a status that plain sessions beside them do not change', async () => {
      const from = newSubject('from');
      const { id } = await routed({ target: newSubject('to'), task: TASK }, from);
      const client = agent(from);
      const beside = await client.post('/sessions', { role: from, task_id: id });
      await client.put(`/sessions/${String(beside.body.id)}`, { status: 'active' });
      expect((await client.get(`/tasks/${id}`)).body).toMatchObject({
        status: 'pending',
        attempts: [{ attempt: 1 }],
      });
    });

    it('by cursor without a loss or a double, while rows of the same instant and newer ones come in', async () => {
      const [from, to] = [newSubject('from'), newSubject('to')];
      const insert = (at: string) =>
        mesh.query<{ id: string }>(
          `WITH task AS (
             INSERT INTO tasks (id, task_type, description, from_role, to_role, trace_id, idempotency_key, created_at, created_by)
             SELECT gen_random_uuid(), 'x', '', $1, $2, gen_random_uuid(), gen_random_uuid(), ${at}, 'test'
               FROM generate_series(1, 9) n RETURNING id, trace_id
           ), attempt AS (
             INSERT INTO sessions (id, role, task_id, status, trace_id, created_by, attempt, attempts_left)
             SELECT gen_random_uuid(), $2, id, 'pending', trace_id, 'test', 1, 2 FROM task
           )
           SELECT id FROM task`,
          [from, to],
        );
      const old = [
        ...(await insert(`date_trunc('hour', now()) - interval '1 hour'`)),
        ...(await insert(
          `date_trunc('hour', now()) - interval '1 hour' + n * interval '1 microsecond'`,
        )),
      ].map(({ id }) => id);
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const more: string = cursor === null ? '' : `&cursor=${cursor}`;
        const page = await agent(from).get<PageBody>(`/tasks?page_size=4${more}`);
        seen.push(...page.body.tasks.map(({ id }) => id));
        cursor = page.body.next_cursor;
        await insert('now()');
      } while (cursor !== null);
      expect(new Set(seen).size).toBe(seen.length);
      expect(new Set(seen)).toEqual(new Set(old));
    });

    it.each([
      'page=1',
      'page_size=0',
      'page_size=101',
      'status=done',
      'status=dead&status=pending',
      'trace_id=7',
      'task_type=',
      `task_type=${'t'.repeat(51)}`,
      'task_type=%00',
      'to_role=',
      'created_since=yesterday',
      'created_since=2026-01-31',
      'created_since=2026-02-31T00:00:00Z',
      'created_since=2026-01-31T00:00:00',
      'created_since=0000-01-01T00:00:00Z',
      'created_since=2026-01-31T00:00:00%2B24:00',
      'cursor=x',
      'toString=x',
    ])('not with ?%s', async (query) => {
      expectProblem(await agent('finance').get(`/tasks?${query}`), 400, 'request.invalid');
    });
  });

  describe('are read', () => {
    it('by their id, bare, prefixed or in capitals', async () => {
      const from = newSubject('from');
      const { id } = await routed({ task: TASK }, from);
      for (const form of [id, `task-${id}`, id.toUpperCase()])
        expect((await agent(from).get<TaskBody>(`/tasks/${form}`)).body.id).toBe(id);
    });

    it('never when they are missing or somebody else’s, which look the same', async () => {
      const { id } = await routed({ target: newSubject('to'), task: TASK });
      const stranger = agent(newSubject('stranger'));
      const foreign = await stranger.get(`/tasks/${id}`);
      const missing = await stranger.get(`/tasks/${randomUUID()}`);
      expectProblem(foreign, 404, 'task.not_found');
      expectProblem(missing, 404, 'task.not_found');
      expect(foreign.body.detail).toBe(missing.body.detail);
    });

    it.each(['nonsense', `session-${randomUUID()}`, `task-task-${randomUUID()}`, '%00', '1'])(
      'not by %s',
      async (id) => {
        expectProblem(await agent('finance').get(`/tasks/${id}`), 400, 'request.invalid');
      },
    );

    it('by an agent of another issuer only by its role', async () => {
      const from = newSubject('from');
      const { id } = await routed({ task: TASK }, from);
      const other = developmentToken(TEST_SECRET, { roles: [from], issuer: 'another' });
      expect((await new Client(mesh.url, other).get(`/tasks/${id}`)).status).toBe(200);
    });
  });
});

describe('where there is an allow-list of roles', () => {
  let mesh: TestApp;

  beforeAll(async () => {
    mesh = await startTestApp({ env: { ROLES: 'finance, manager' } });
  });

  afterAll(() => mesh.close());

  const route = (role: string, target: string) =>
    new Client(mesh.url, tokenFor(role)).post('/tasks/route', {
      target,
      task: { task_type: 'approval' },
    });

  it('a task is routed to the roles on it', async () => {
    expect((await route('finance', 'manager')).status).toBe(202);
  });

  it('a task is routed to no other', async () => {
    expect(await route('finance', 'legal')).toMatchObject({
      status: 400,
      body: { code: 'request.invalid', errors: [{ pointer: '/target' }] },
    });
  });

  it('a role that is not on it is worth nothing in a token', async () => {
    expect(await route('legal', 'manager')).toMatchObject({
      status: 403,
      body: { code: 'auth.role_not_held' },
    });
  });

  it('staff need no place on it', async () => {
    const admin = new Client(mesh.url, tokenFor('admin'));
    expect((await admin.get('/tasks')).status).toBe(200);
  });
});

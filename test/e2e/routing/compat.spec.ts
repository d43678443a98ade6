import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  newSubject,
  startTestApp,
  TEST_SECRET,
  type TestApp,
  tokenFor,
} from '../../support/app.js';
import { Client } from '../../support/client.js';
import { signedToken } from '../../support/signed-token.js';

interface Routed {
  task_id: string;
  status: string;
  trace_id: string;
}

/** What agents in the field send and read, word by word: these bodies are not ours to change. */
describe('an agent of version 0.4', () => {
  let mesh: TestApp;
  let finance: Client;
  let manager: Client;

  beforeAll(async () => {
    mesh = await startTestApp();
    finance = new Client(mesh.url, tokenFor('finance', newSubject('finance')));
    manager = new Client(mesh.url, tokenFor('manager', newSubject('manager')));
  });

  afterAll(() => mesh.close());

  const keys = () => ({ 'idempotency-key': randomUUID(), 'x-trace-id': randomUUID() });

  async function sendTask(body: object, headers = keys()): Promise<Routed> {
    const answer = await finance.post<Routed>('/tasks/route', body, headers);
    expect(answer.status).toBe(202);
    expect(answer.body.task_id).toMatch(/^task-[0-9a-f-]+$/);
    expect(answer.body.status).toBe('accepted');
    return answer.body;
  }

  const budget = () =>
    sendTask({ target: 'manager', task: { type: 'budget_approval' }, context: {} });

  it('sends a task and reads its trace', async () => {
    const headers = keys();
    const routed = await sendTask(
      {
        target: 'manager',
        task: { task_type: 'budget_approval', description: 'Q3 budget', data: { amount: 50000 } },
        context: { requested_by: 'cfo' },
      },
      headers,
    );
    expect(routed.trace_id).toBe(headers['x-trace-id']);
  });

  it('sends a task without care, and nothing of it is lost', async () => {
    const { task_id } = await sendTask({
      target: 'manager',
      task: { type: 'budget_approval', amount: 50000 },
      context: {},
    });
    expect((await finance.get(`/tasks/${task_id}`)).body).toMatchObject({
      task_type: 'budget_approval',
      description: '',
      data: { amount: 50000 },
    });
  });

  it.each([
    ['neither a type nor a task_type', { amount: 50000 }],
    ['two types that differ', { type: 'budget', task_type: 'notification' }],
    ['data that is no object', { type: 'budget', data: 'a lot' }],
    ['a member named like one of data', { type: 'budget', amount: 1, data: { amount: 2 } }],
  ])('is refused a task with %s', async (_, task) => {
    const answer = await finance.post('/tasks/route', { target: 'manager', task, context: {} });
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toEqual(expect.stringMatching(/\S/));
  });

  it.each(['low', 'normal', 'high'])('notifies with %s priority', async (priority) => {
    const { task_id } = await sendTask({
      target: 'legal',
      task: { task_type: 'notification', description: 'Signed', data: { priority } },
      context: {},
    });
    expect((await finance.get(`/tasks/${task_id}`)).body).toMatchObject({
      task_type: 'notification',
      description: 'Signed',
      data: { priority },
    });
  });

  it('asks for an approval and reads its id and status', async () => {
    const { task_id } = await budget();
    const answer = await finance.post(
      '/approvals',
      { task_id, approver_role: 'manager', reason: 'Over 10k', decision: 'pending', comments: '' },
      keys(),
    );
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      approval_id: expect.stringMatching(/^approval-[0-9a-f-]+$/),
      status: 'pending',
    });
  });

  it.each(['approved', 'rejected'])('gives the decision %s in full', async (decision) => {
    const { task_id } = await budget();
    await finance.post('/approvals', { task_id, approver_role: 'manager', reason: 'x' });
    const answer = await manager.post(
      '/approvals',
      { task_id, approver_role: 'manager', reason: '', decision, comments: 'Seen' },
      keys(),
    );
    expect(answer).toMatchObject({ status: 202, body: { status: decision } });
  });

  it('reads why an approval is refused in detail', async () => {
    const answer = await finance.post('/approvals', {
      task_id: `task-${randomUUID()}`,
      approver_role: 'manager',
      reason: 'x',
      decision: 'pending',
      comments: '',
    });
    expect(answer.status).toBe(404);
    expect(answer.body.detail).toEqual(expect.stringMatching(/\S/));
  });

  it('decides by curl without an approver_role, asked or not', async () => {
    for (const isAsked of [true, false]) {
      const { task_id } = await budget();
      if (isAsked) await finance.post('/approvals', { task_id, approver_role: 'manager' });
      const answer = await manager.post('/approvals', {
        task_id,
        decision: 'approved',
        comments: 'ok',
      });
      expect(answer).toMatchObject({
        status: 202,
        body: { approval_id: expect.stringMatching(/^approval-/), status: 'approved' },
      });
    }
  });

  it('fetches the status by the id of the task and by that of the session', async () => {
    const { task_id } = await budget();
    const byTask = await finance.get(`/sessions/${task_id}`);
    expect(byTask).toMatchObject({
      status: 200,
      body: { agent_role: 'manager', state: 'pending', metadata: {} },
    });
    const bySession = await finance.get(`/sessions/${String(byTask.body.session_id)}`);
    expect(bySession.body).toEqual(byTask.body);
  });

  it('fetches no status of what is not there, not its own, or without a token', async () => {
    const { task_id } = await budget();
    const stranger = new Client(mesh.url, tokenFor('stranger'));
    for (const [answer, status] of [
      [await finance.get(`/sessions/task-${randomUUID()}`), 404],
      [await finance.get(`/sessions/${randomUUID()}`), 404],
      [await stranger.get(`/sessions/${task_id}`), 404],
      [await new Client(mesh.url).get(`/sessions/${task_id}`), 401],
    ] as const) {
      expect(answer.status).toBe(status);
      expect(answer.body.detail).toEqual(expect.stringMatching(/\S/));
    }
  });

  it('creates a session under any key, with members that are null for those it does not mean', async () => {
    const { task_id } = await budget();
    for (const [client, body] of [
      [manager, { agent_role: 'manager' }],
      [manager, { agent_role: 'manager', task_id: null, metadata: null }],
      [manager, { agent_role: 'manager', metadata: { step: 1 } }],
      [finance, { agent_role: 'finance', task_id, metadata: {} }],
      [manager, { agent_role: 'manager', task_id, metadata: {} }],
    ] as const) {
      const answer = await client.post('/sessions', body, {
        'idempotency-key': `any-string_${randomUUID()}`,
      });
      expect(answer).toMatchObject({
        status: 201,
        body: { session_id: expect.stringMatching(/^[0-9a-f-]{36}$/), status: 'pending' },
      });
    }
  });

  it('lists sessions by page', async () => {
    const role = newSubject('lister');
    const client = new Client(mesh.url, tokenFor(role));
    for (let i = 0; i < 3; i++) await client.post('/sessions', { agent_role: role });
    const answer = await client.get<{ sessions: Record<string, unknown>[] }>(
      '/sessions?page=1&page_size=2',
    );
    expect(answer).toMatchObject({ status: 200, body: { total: 3, page: 1, page_size: 2 } });
    expect(answer.body.sessions).toHaveLength(2);
    for (const session of answer.body.sessions) {
      expect(session).toMatchObject({ role, task_id: null, status: 'pending', metadata: {} });
      for (const member of ['id', 'created_at', 'updated_at'])
        expect(session[member]).toEqual(expect.stringMatching(/^[0-9a-f-]{10}/));
    }
  });

  it('updates a session by status, task and metadata', async () => {
    const { task_id } = await budget();
    const { body } = await finance.post('/sessions', { agent_role: 'finance' });
    const path = `/sessions/${String(body.session_id)}`;
    const steps = [
      [{ status: 'active' }, { state: 'active' }],
      [{ metadata: { step: 2 } }, { metadata: { step: 2 } }],
      [{ task_id, metadata: null, status: null }, { task_id: task_id.slice('task-'.length) }],
      [{ task_id: null, status: 'completed', metadata: { step: 3 } }, { state: 'completed' }],
    ] as const;
    for (const [change, expected] of steps)
      expect(await finance.put(path, change)).toMatchObject({
        status: 200,
        body: { session_id: body.session_id, agent_role: 'finance', ...expected },
      });
  });

  it.each([
    ['activate', 'complete', 'completed'],
    ['ACTIVATE', 'FAIL', 'failed'],
    ['Activate', 'Complete', 'completed'],
  ])('tells the events %s and %s', async (first, second, state) => {
    const { body } = await manager.post('/sessions', { agent_role: 'manager' });
    const path = `/sessions/${String(body.session_id)}/events`;
    expect((await manager.put(path, { event: first })).body).toMatchObject({
      session_id: body.session_id,
      agent_role: 'manager',
      state: 'active',
      metadata: {},
    });
    expect((await manager.put(path, { event: second })).body).toMatchObject({ state });
    const again = await manager.put(path, { event: first });
    expect(again.status).toBe(409);
    expect(again.text).toContain('Invalid transition');
  });

  it.each(['complete', 'fail', 'explode'])(
    'reads “Invalid transition” after %s too soon',
    async (event) => {
      const { body } = await manager.post('/sessions', { agent_role: 'manager' });
      const answer = await manager.put(`/sessions/${String(body.session_id)}/events`, { event });
      expect(answer.status).toBe(event === 'explode' ? 400 : 409);
      expect(answer.text).toContain('Invalid transition');
    },
  );

  it('asks for health without a token', async () => {
    const nobody = new Client(mesh.url);
    expect((await nobody.get('/status')).body).toEqual({
      status: 'ok',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
    expect((await nobody.get('/health')).body).toEqual({
      status: 'healthy',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      database: 'connected',
      redis: 'disabled',
    });
  });

  it.each([
    { source: 'finance-agent', category: 'task', action: 'sent' },
    {
      source: 'finance-agent',
      category: 'decision',
      action: 'made',
      subject: 'budget-q3',
      traceId: '0b5e2c1a-7f3d-4e8b-9a6c-1d2e3f4a5b6c',
      timestamp: '2026-01-31T12:00:00.000Z',
      metadata: { amount: 50000 },
      content: 'Approved within policy',
    },
    {
      source: 'finance-agent',
      category: 'decision',
      action: 'made',
      subject: null,
      traceId: null,
      timestamp: null,
      metadata: null,
      content: null,
    },
    { source: 'smoke', category: 'agent.action', action: 'smoke', traceId: 'smoke-trace' },
    {
      source: 'finance-agent',
      category: 'agent.action',
      action: 'task.sent',
      subject: 'task-001',
      traceId: 'trace-001',
      timestamp: '2026-01-31T12:00:00.123456+00:00',
      metadata: { step: 1, tags: ['a', 'b'], nested: { deep: null } },
      content: { amount: 50000, lines: [1, 2] },
    },
    {
      source: 'finance-agent',
      category: 'agent.action',
      action: 'send',
      traceId: '',
      subject: '',
      timestamp: '2026-01-31T12:00:00Z',
      metadata: {},
      content: '',
    },
    {
      source: 'finance-agent',
      category: 'agent',
      action: 'go',
      timestamp: '2026-01-31T12:00:00.123456789-05:00',
      content: ['text', { type: 'json' }],
    },
  ])('reports what it did: %j', async (body) => {
    expect((await finance.post('/audit/ingest', body, keys())).status).toBe(202);
  });

  it('finds each further difference of the table in docs/compatibility.md', async () => {
    const { task_id } = await budget();
    const second = await budget();
    const own = await finance.post('/sessions', { agent_role: 'finance', task_id });
    expect(own.status).toBe(201);
    const path = `/sessions/${String(own.body.session_id)}`;
    const report = { source: 's', category: 'c', action: 'a' };
    const now = Math.floor(Date.now() / 1000);
    const roles = ['finance', 'legal'];
    const two = { iss: 'agent-mesh-dev', sub: newSubject('two'), roles, iat: now, exp: now + 60 };
    const several = new Client(mesh.url, signedToken({ alg: 'HS256' }, two, TEST_SECRET));
    const task = { type: 'x' };
    const unknown = { agent_role: 'finance', task_id: `task-${randomUUID()}` };
    for (const [answer, status, code] of [
      [await finance.post('/sessions', unknown), 404, 'task.not_found'],
      [await finance.put(path, { task_id: second.task_id }), 409, 'session.task_set'],
      [await finance.post('/sessions', { agent_role: 'finance', x: 1 }), 400, 'request.invalid'],
      [await finance.put(path, { state: 'active', x: 1 }), 400, 'request.invalid'],
      [await finance.post('/approvals', { task_id, role: 'x' }), 400, 'request.invalid'],
      [await finance.post('/tasks/route', { target: 'x', task, x: 1 }), 400, 'request.invalid'],
      [await finance.post('/audit/ingest', { ...report, x: 1 }), 400, 'request.invalid'],
      [await finance.post('/audit/ingest', { ...report, action: 'a b' }), 400, 'request.invalid'],
      [await finance.get('/sessions?page=0'), 400, 'request.invalid'],
      [await finance.get('/sessions?page=-1'), 400, 'request.invalid'],
      [await finance.get('/sessions?page=10001'), 400, 'request.invalid'],
      [await finance.get('/sessions?page=1&page_size=0'), 400, 'request.invalid'],
      [await finance.get('/sessions?page=1&page_size=101'), 400, 'request.invalid'],
      [await finance.get('/profiles'), 404, 'request.route_not_found'],
      [await finance.post('/profiles', {}), 404, 'request.route_not_found'],
      [await several.post('/tasks/route', { target: 'x', task }), 400, 'auth.role_ambiguous'],
    ] as const)
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
    expect((await finance.put(path, { task_id })).status).toBe(200);
  });

  it('routes with several roles where DEFAULT_ROLE_PRECEDENCE says for which', async () => {
    const own = await startTestApp({
      env: { DEFAULT_ROLE_PRECEDENCE: 'legal,finance' },
      databaseUrl: mesh.databaseUrl,
    });
    try {
      const now = Math.floor(Date.now() / 1000);
      for (const roles of [
        ['finance', 'legal', 'manager'],
        ['manager', 'legal', 'finance'],
      ]) {
        const claims = {
          iss: 'agent-mesh-dev',
          sub: newSubject('x'),
          roles,
          iat: now,
          exp: now + 60,
        };
        const client = new Client(own.url, signedToken({ alg: 'HS256' }, claims, TEST_SECRET));
        const routed = await client.post<Routed>(
          '/tasks/route',
          { target: 'manager', task: { type: 'budget_approval', amount: 1 }, context: {} },
          keys(),
        );
        expect(routed.status).toBe(202);
        const task = await client.get(`/tasks/${routed.body.task_id}`);
        expect(task.body).toMatchObject({ from_role: 'legal' });
      }
    } finally {
      await own.close();
    }
  });

  it('finds different, on purpose, only what the contract names', async () => {
    const { task_id } = await budget();
    const badKey = { 'idempotency-key': 'two words' };
    const byRouter = new Client(mesh.url, tokenFor(['manager', 'finance'], newSubject('both')));
    const own = await byRouter.post<Routed>('/tasks/route', {
      target: 'manager',
      from_role: 'finance',
      task: { type: 'x' },
    });
    for (const [answer, status] of [
      [await finance.post('/sessions', { agent_role: 'finance' }, badKey), 400],
      [await finance.post('/approvals', { task_id: randomUUID(), approver_role: 'x' }), 404],
      [await finance.post('/approvals', { task_id }), 400],
      [await byRouter.post('/approvals', { task_id: own.body.task_id, decision: 'approved' }), 403],
    ] as const)
      expect(answer.status).toBe(status);
  });
});

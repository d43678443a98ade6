import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor, tokenWithoutDefaultRole } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { useSharedApp } from '../../support/kit.js';
import { RoutedTask } from '../../support/tasks.js';
import { sendBudget } from '../../support/v04-client.js';

describe('a client of v0.4: sessions and status', () => {
  const mesh = useSharedApp();
  let finance: Client;
  let manager: Client;

  beforeAll(() => {
    finance = mesh.agent('finance');
    manager = mesh.agent('manager');
  });

  it('GET /sessions/:id accepts the id of the task and of the session', async () => {
    const { task_id } = await sendBudget(finance);
    const byTask = await finance.get(`/sessions/${task_id}`);
    expect(byTask).toMatchObject({
      status: 200,
      body: { agent_role: 'manager', state: 'pending', metadata: {} },
    });
    const bySession = await finance.get(`/sessions/${String(byTask.body.session_id)}`);
    expect(bySession.body).toEqual(byTask.body);
  });

  it('GET /sessions/:id: 404 when missing or not visible, 401 without a token', async () => {
    const { task_id } = await sendBudget(finance);
    const stranger = mesh.agent('stranger');
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

  it('POST /sessions accepts any idempotency key, and null for members that are not set', async () => {
    const { task_id } = await sendBudget(finance);
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

  it('GET /sessions returns pages', async () => {
    const role = newSubject('lister');
    const client = mesh.agent(role);
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

  it('PUT /sessions/:id changes status, task and metadata', async () => {
    const { task_id } = await sendBudget(finance);
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
  ])('PUT /sessions/:id/events accepts %s and %s', async (first, second, state) => {
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
    'PUT /sessions/:id/events: “Invalid transition” when %s comes too early',
    async (event) => {
      const { body } = await manager.post('/sessions', { agent_role: 'manager' });
      const answer = await manager.put(`/sessions/${String(body.session_id)}/events`, { event });
      expect(answer.status).toBe(event === 'explode' ? 400 : 409);
      expect(answer.text).toContain('Invalid transition');
    },
  );

  it('GET /status and GET /health need no token', async () => {
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
      audit_log: 'unsigned',
    });
  });

  it('has the differences that docs/compatibility.md lists', async () => {
    const { task_id } = await sendBudget(finance);
    const second = await sendBudget(finance);
    const own = await finance.post('/sessions', { agent_role: 'finance', task_id });
    expect(own.status).toBe(201);
    const path = `/sessions/${String(own.body.session_id)}`;
    const report = { source: 's', category: 'c', action: 'a' };
    const roles = ['finance', 'legal'];
    const several = new Client(mesh.url, tokenWithoutDefaultRole(roles));
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

  it('has the intended differences of the contract', async () => {
    const { task_id } = await sendBudget(finance);
    const badKey = { 'idempotency-key': 'two words' };
    const byRouter = new Client(mesh.url, tokenFor(['manager', 'finance'], newSubject('both')));
    const own = await byRouter.post<RoutedTask>('/tasks/route', {
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

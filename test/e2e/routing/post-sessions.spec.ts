import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { type SessionBody } from '../../support/work.js';
import {
  useSharedApp,
  actorOf,
  expectProblem,
  statusesOf,
  routeTask,
  times,
} from '../../support/kit.js';
import { sessionEvents, createSession } from '../../support/sessions.js';

describe('POST /sessions', () => {
  const mesh = useSharedApp();

  it('creates a pending session at version 1, with one event', async () => {
    const sub = newSubject('maker');
    const made = await mesh.agent('manager', sub).post('/sessions', {
      role: 'manager',
      metadata: { step: 1 },
    });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({
      role: 'manager',
      agent_role: 'manager',
      status: 'pending',
      state: 'pending',
      task_id: null,
      attempt: null,
      metadata: { step: 1 },
      version: 1,
      created_by: actorOf(sub),
      claimed_by: null,
      ended_reason: null,
      trace_id: made.headers.get('x-trace-id'),
    });
    expect(made.body.session_id).toBe(made.body.id);
    expect(made.headers.get('etag')).toBe(`"${String(made.body.id)}.1"`);
    expect(await sessionEvents(mesh, String(made.body.id))).toMatchObject([
      { event_type: 'session_created', role: 'manager', actor: actorOf(sub) },
    ]);
  });

  it('accepts the role as agent_role', async () => {
    const made = await mesh.agent('manager').post('/sessions', { agent_role: 'manager' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ role: 'manager', agent_role: 'manager' });
  });

  it('accepts role and agent_role when they are equal, 400 when they differ', async () => {
    const both = mesh.agent(['manager', 'finance']);
    const same = await both.post('/sessions', { role: 'manager', agent_role: 'manager' });
    expect(same.status).toBe(201);
    const differing = await both.post('/sessions', { role: 'manager', agent_role: 'finance' });
    expectProblem(differing, 400, 'request.invalid');
  });

  it.each([{}, { role: '' }, { role: 7 }, { role: null }, { role: 'r'.repeat(51) }])(
    '400 without a valid role: %j',
    async (body) => {
      expectProblem(await mesh.agent('manager').post('/sessions', body), 400, 'request.invalid');
    },
  );

  it('403 when the role is not held', async () => {
    const answer = await mesh.agent('manager').post('/sessions', { role: 'legal' });
    expectProblem(answer, 403, 'auth.role_not_held');
  });

  it('creates the session under the given id, bare or prefixed, and 409 when the id exists', async () => {
    const id = randomUUID();
    const made = await createSession(mesh.agent('manager'), 'manager', { id: `session-${id}` });
    expect(made.id).toBe(id);
    for (const again of [id, id.toUpperCase(), `session-${id}`]) {
      const taken = await mesh.agent('legal').post('/sessions', { role: 'legal', id: again });
      expectProblem(taken, 409, 'session.exists');
    }
    expect(await sessionEvents(mesh, id)).toHaveLength(1);
  });

  it.each(['nonsense', '', 7, 'task-11111111-1111-4111-8111-111111111111', ['x']])(
    '400 when the id is %j',
    async (id) => {
      const answer = await mesh.agent('manager').post('/sessions', { role: 'manager', id });
      expectProblem(answer, 400, 'request.invalid');
      expect(answer.body.errors).toMatchObject([{ pointer: '/id' }]);
    },
  );

  it('creates one session when 20 requests use one id concurrently', async () => {
    const id = randomUUID();
    const answers = await Promise.all(
      times(20, () => mesh.agent('manager').post('/sessions', { role: 'manager', id })),
    );
    expect(statusesOf(answers)).toEqual([201, ...times(19, () => 409)]);
    expect(await sessionEvents(mesh, id)).toHaveLength(1);
  });

  it('creates a plain session for a task in which the role participates', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const task = await routeTask(mesh, from, to);
    const made = await mesh.agent(from).post('/sessions', { role: from, task_id: task });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ task_id: task.slice('task-'.length), attempt: null });
    expect((await mesh.agent(from).get(`/sessions/${task}`)).body).toMatchObject({ attempt: 1 });
  });

  it('404 when the task is missing or the role does not participate in it', async () => {
    const role = newSubject('stranger');
    const foreign = await routeTask(mesh, newSubject('from'), newSubject('to'));
    for (const task_id of [foreign, `task-${randomUUID()}`]) {
      const answer = await mesh.agent(role).post('/sessions', { role, task_id });
      expectProblem(answer, 404, 'task.not_found');
    }
  });

  it('404 when the session’s role does not participate in the task, though another role of the caller does', async () => {
    const [from, other] = [newSubject('from'), newSubject('other')];
    const task_id = await routeTask(mesh, from, newSubject('to'));
    const answer = await mesh.agent([from, other]).post('/sessions', { role: other, task_id });
    expectProblem(answer, 404, 'task.not_found');
  });

  it('adopts the pending attempt of a task that is assigned to the role', async () => {
    const [from, to, sub] = [newSubject('from'), newSubject('to'), newSubject('worker')];
    const task = await routeTask(mesh, from, to);
    const attempt = await mesh.agent(to).get<SessionBody>(`/sessions/${task}`);
    const adopted = await mesh.agent(to, sub).post<SessionBody>('/sessions', {
      agent_role: to,
      task_id: task,
      metadata: { by: 'v0.4' },
    });
    expect(adopted.status).toBe(201);
    expect(adopted.body).toMatchObject({
      id: attempt.body.id,
      status: 'pending',
      attempt: 1,
      version: 2,
      metadata: { by: 'v0.4' },
    });
    expect((await sessionEvents(mesh, attempt.body.id)).slice(1)).toMatchObject([
      { event_type: 'session_adopted', role: to, actor: actorOf(sub) },
    ]);
  });

  it('409 when the attempt is already active, and names the agent that claimed it', async () => {
    const [to, holder] = [newSubject('to'), newSubject('holder')];
    const task_id = await routeTask(mesh, newSubject('from'), to);
    const { body } = await mesh.agent(to).get<SessionBody>(`/sessions/${task_id}`);
    await mesh.agent(to, holder).put(`/sessions/${body.id}`, { status: 'active' });
    const answer = await mesh.agent(to).post('/sessions', { role: to, task_id });
    expectProblem(answer, 409, 'session.claimed');
    expect(answer.body.detail).toContain(actorOf(holder));
  });

  it.each(['completed', 'failed', 'expired'])('409 when the task has %s', async (status) => {
    const to = newSubject('to');
    const task_id = await routeTask(mesh, newSubject('from'), to);
    const worker = mesh.agent(to);
    const { body } = await worker.get<SessionBody>(`/sessions/${task_id}`);
    await worker.put(`/sessions/${body.id}`, { status: 'active' });
    await worker.put(`/sessions/${body.id}`, { status });
    const answer = await worker.post('/sessions', { role: to, task_id });
    expectProblem(answer, 409, 'task.finished');
  });
});

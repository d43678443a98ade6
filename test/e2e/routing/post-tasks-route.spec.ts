import { describe, expect, it } from '@jest/globals';
import { AuditService } from '../../../src/audit/audit.service.js';
import { newSubject, startTestApp, tokenFor, tokenWithoutDefaultRole } from '../../support/app.js';
import { Client } from '../../support/client.js';
import type { TaskBody } from '../../support/work.js';
import { routedTask, TASK, type RoutedTask, type TaskPage } from '../../support/tasks.js';
import { useSharedApp, expectProblem } from '../../support/kit.js';

describe('POST /tasks/route', () => {
  const mesh = useSharedApp();

  it('creates a task with a pending first attempt and one event', async () => {
    const [from, to, sub] = [newSubject('from'), newSubject('to'), newSubject('router')];
    const client = new Client(mesh.url, tokenFor(from, sub));
    await new Client(mesh.url, tokenFor(to)).get('/me');
    const answer = await client.post<RoutedTask>('/tasks/route', {
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

  it('acts for the role from_role, 403 when it is not held', async () => {
    const [first, second] = [newSubject('first'), newSubject('second')];
    const both = mesh.agent([first, second]);
    const answer = await both.post<RoutedTask>('/tasks/route', {
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

  it('acts for the role claim of the token without from_role', async () => {
    const [first, second] = [newSubject('first'), newSubject('second')];
    const both = mesh.agent([first, second]);
    const { body } = await both.post<RoutedTask>('/tasks/route', { target: 'x', task: TASK });
    expect((await both.get<TaskBody>(`/tasks/${body.task_id}`)).body.from_role).toBe(first);
  });

  it('400 when the token has several roles and no default, and names them', async () => {
    const roles = [newSubject('first'), newSubject('second')];
    const both = new Client(mesh.url, tokenWithoutDefaultRole(roles));
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

  it('403 when the token has no role', async () => {
    const nobody = new Client(mesh.url, tokenWithoutDefaultRole([]));
    const answer = await nobody.post('/tasks/route', { target: 'manager', task: TASK });
    expectProblem(answer, 403, 'auth.role_not_held');
  });

  it.each(['admin', 'auditor', 'system'])(
    '400 when the target is the reserved role %s',
    async (target) => {
      const answer = await mesh.agent('finance').post('/tasks/route', { target, task: TASK });
      expectProblem(answer, 400, 'request.invalid');
      expect(answer.body.errors).toMatchObject([{ pointer: '/target' }]);
    },
  );

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
  ])('400 %s', async (_, body, pointer) => {
    const answer = await mesh
      .agent('finance')
      .post<{ errors: { pointer: string }[] }>('/tasks/route', body);
    expect(answer.status).toBe(400);
    expect(answer.body.errors.map((problem) => problem.pointer)).toContain(pointer);
  });

  it('accepts names of 50 characters of any script and a description of 10,000', async () => {
    const role = '財務🦊'.repeat(13).slice(0, 62) + '🦊';
    expect([...role].length).toBeLessThanOrEqual(50);
    const task = await routedTask(
      mesh,
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
    const inbox = await mesh
      .agent('🦊'.repeat(50))
      .get<TaskPage>(`/tasks?to_role=${encodeURIComponent('🦊'.repeat(50))}`);
    expect(inbox.body.tasks.map(({ id }) => id)).toEqual([task.id]);
  });

  it('400 when the task type has more code points than 50', async () => {
    const task_type = '❤️'.repeat(50);
    const answer = await mesh.agent('finance').post('/tasks/route', {
      target: 'm',
      task: { task_type },
    });
    expectProblem(answer, 400, 'request.invalid');
  });

  it('returns the data as it was sent', async () => {
    const data = {
      '': 'empty name',
      'a/b~c': [null, true, 0.1, -0.5, 1e-7, 9_007_199_254_740_991],
      nested: { toString: 'x', text: '\u2028 \\ " \u0001 🦊', list: [[], {}] },
    };
    expect((await routedTask(mesh, { task: { task_type: 'x', data } })).data).toEqual(data);
  });

  it('stores nothing when a part of the transaction fails', async () => {
    const failing = await startTestApp({
      override: (builder) =>
        builder.overrideProvider(AuditService).useValue({
          onCommit: () => undefined,
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

  it('creates 30 tasks from 30 concurrent requests, each with one attempt and one event', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const answers = await Promise.all(
      Array.from({ length: 30 }, () =>
        mesh.agent(from).post('/tasks/route', { target: to, task: TASK }),
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
});

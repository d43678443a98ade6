import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, tokenWithoutDefaultRole } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { useSharedApp } from '../../support/kit.js';
import { RoutedTask } from '../../support/tasks.js';
import { v04Headers, sendTask, sendBudget } from '../../support/v04-client.js';

describe('a client of v0.4: tasks, approvals and audit', () => {
  const mesh = useSharedApp();
  let finance: Client;
  let manager: Client;

  beforeAll(() => {
    finance = mesh.agent('finance');
    manager = mesh.agent('manager');
  });

  it('POST /tasks/route returns the trace id of the request', async () => {
    const headers = v04Headers();
    const routed = await sendTask(
      finance,
      {
        target: 'manager',
        task: { task_type: 'budget_approval', description: 'Q3 budget', data: { amount: 50000 } },
        context: { requested_by: 'cfo' },
      },
      headers,
    );
    expect(routed.trace_id).toBe(headers['x-trace-id']);
  });

  it('POST /tasks/route moves unknown members of the task to data', async () => {
    const { task_id } = await sendTask(finance, {
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
  ])('POST /tasks/route: 400 when the task has %s', async (_, task) => {
    const answer = await finance.post('/tasks/route', { target: 'manager', task, context: {} });
    expect(answer.status).toBe(400);
    expect(answer.body.detail).toEqual(expect.stringMatching(/\S/));
  });

  it.each(['low', 'normal', 'high'])(
    'POST /tasks/route accepts a notification of %s priority',
    async (priority) => {
      const { task_id } = await sendTask(finance, {
        target: 'legal',
        task: { task_type: 'notification', description: 'Signed', data: { priority } },
        context: {},
      });
      expect((await finance.get(`/tasks/${task_id}`)).body).toMatchObject({
        task_type: 'notification',
        description: 'Signed',
        data: { priority },
      });
    },
  );

  it('POST /approvals returns id and status of the request', async () => {
    const { task_id } = await sendBudget(finance);
    const answer = await finance.post(
      '/approvals',
      { task_id, approver_role: 'manager', reason: 'Over 10k', decision: 'pending', comments: '' },
      v04Headers(),
    );
    expect(answer.status).toBe(202);
    expect(answer.body).toMatchObject({
      approval_id: expect.stringMatching(/^approval-[0-9a-f-]+$/),
      status: 'pending',
    });
  });

  it.each(['approved', 'rejected'])(
    'POST /approvals accepts the decision %s with all members',
    async (decision) => {
      const { task_id } = await sendBudget(finance);
      await finance.post('/approvals', { task_id, approver_role: 'manager', reason: 'x' });
      const answer = await manager.post(
        '/approvals',
        { task_id, approver_role: 'manager', reason: '', decision, comments: 'Seen' },
        v04Headers(),
      );
      expect(answer).toMatchObject({ status: 202, body: { status: decision } });
    },
  );

  it('POST /approvals: 404 with the reason in detail', async () => {
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

  it('POST /approvals decides without approver_role, with and without a request', async () => {
    for (const isAsked of [true, false]) {
      const { task_id } = await sendBudget(finance);
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
  ])('POST /audit/ingest accepts %j', async (body) => {
    expect((await finance.post('/audit/ingest', body, v04Headers())).status).toBe(202);
  });

  it('POST /tasks/route acts for the first role of DEFAULT_ROLE_PRECEDENCE', async () => {
    const own = await startTestApp({
      env: { DEFAULT_ROLE_PRECEDENCE: 'legal,finance' },
      databaseUrl: mesh.databaseUrl,
    });
    try {
      for (const roles of [
        ['finance', 'legal', 'manager'],
        ['manager', 'legal', 'finance'],
      ]) {
        const client = new Client(own.url, tokenWithoutDefaultRole(roles));
        const routed = await client.post<RoutedTask>(
          '/tasks/route',
          { target: 'manager', task: { type: 'budget_approval', amount: 1 }, context: {} },
          v04Headers(),
        );
        expect(routed.status).toBe(202);
        const task = await client.get(`/tasks/${routed.body.task_id}`);
        expect(task.body).toMatchObject({ from_role: 'legal' });
      }
    } finally {
      await own.close();
    }
  });
});

import { beforeAll, describe, expect, it } from '@jest/globals';
import { tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { useSharedApp } from '../../support/kit.js';

describe('a budget approval from end to end', () => {
  const mesh = useSharedApp();
  let finance: Client;
  let manager: Client;

  beforeAll(() => {
    finance = new Client(mesh.url, tokenFor('finance'));
    manager = new Client(mesh.url, tokenFor('manager'));
  });

  it('is routed, listed, started, approved, completed and recorded in order', async () => {
    const routed = await finance.post('/tasks/route', {
      target: 'manager',
      task: { task_type: 'budget_approval', description: 'Q3', data: { amount: 50000 } },
      context: {},
    });
    expect(routed.status).toBe(202);
    const { task_id, trace_id } = routed.body as { task_id: string; trace_id: string };
    expect(task_id).toMatch(/^task-[0-9a-f-]{36}$/);
    expect(routed.headers.get('x-trace-id')).toBe(trace_id);

    const inbox = await manager.get<{ tasks: { id: string; session_id: string }[] }>(
      '/tasks?to_role=manager&status=pending',
    );
    expect(inbox.body.tasks.map(({ id }) => `task-${id}`)).toEqual([task_id]);
    const session = `/sessions/${inbox.body.tasks[0]?.session_id ?? ''}`;

    expect((await manager.put(`${session}/events`, { event: 'ACTIVATE' })).body).toMatchObject({
      state: 'active',
    });
    expect((await finance.get(`/sessions/${task_id}`)).body).toMatchObject({ status: 'active' });

    const asked = await finance.post('/approvals', {
      task_id,
      approver_role: 'manager',
      reason: 'Over the limit',
      decision: 'pending',
      comments: '',
    });
    expect(asked.status).toBe(202);
    const decided = await manager.post('/approvals', {
      task_id,
      decision: 'approved',
      comments: 'Fine',
    });
    expect(decided.body).toEqual({
      approval_id: asked.body.approval_id,
      status: 'approved',
      task_id,
    });

    const done = await manager.put(session, { status: 'completed', result: { approved: 50000 } });
    expect(done.body).toMatchObject({ status: 'completed', version: 3, ended_reason: 'completed' });
    expect((await finance.get(`/tasks/${task_id}`)).body).toMatchObject({
      status: 'completed',
      attempts: [{ attempt: 1, status: 'completed', result: { approved: 50000 } }],
      approvals: [{ status: 'approved', notes: 'Fine' }],
    });

    const trail = await finance.get<{ events: { event_type: string; role: string }[] }>(
      `/audit/events?trace_id=${trace_id}`,
    );
    expect(trail.body.events.map(({ event_type, role }) => `${event_type} by ${role}`)).toEqual([
      'task_routed by finance',
      'session_transitioned by manager',
      'approval_requested by finance',
      'approval_decided by manager',
      'session_transitioned by manager',
    ]);
  });
});

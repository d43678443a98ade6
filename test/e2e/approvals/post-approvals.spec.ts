import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import {
  type ApprovalAck,
  approvalEvents,
  requestApproval,
  routeFlow,
} from '../../support/approval-requests.js';
import { useSharedApp, actorOf, expectProblem, times, statusesOf } from '../../support/kit.js';

describe('POST /approvals', () => {
  const mesh = useSharedApp();

  it('requests an approval from a role for a participant of the task, with one event', async () => {
    const flow = await routeFlow(mesh);
    const [approver, requester] = [newSubject('approver'), newSubject('requester')];
    const asked = await mesh.agent(flow.from, requester).post<ApprovalAck>('/approvals', {
      task_id: flow.task,
      approver_role: approver,
      reason: 'Over the limit',
      decision: 'pending',
      comments: '',
    });
    expect(asked.status).toBe(202);
    expect(asked.body).toEqual({
      approval_id: expect.stringMatching(/^approval-[0-9a-f-]{36}$/),
      status: 'pending',
      task_id: flow.task,
    });
    const approval = await mesh.agent(approver).get(`/approvals/${asked.body.approval_id}`);
    expect(approval.body).toMatchObject({
      id: asked.body.approval_id.slice('approval-'.length),
      task_id: flow.task.slice('task-'.length),
      approver_role: approver,
      status: 'pending',
      reason: 'Over the limit',
      notes: '',
      requested_by: actorOf(requester),
      requested_role: flow.from,
      decided_by: null,
      decision_at: null,
    });
    expect(await approvalEvents(mesh, asked.body.approval_id)).toMatchObject([
      {
        event_type: 'approval_requested',
        role: flow.from,
        actor: actorOf(requester),
        metadata: { approver_role: approver },
      },
    ]);
  });

  it('requests an approval without a decision, and with a bare task id', async () => {
    const { to, task } = await routeFlow(mesh);
    for (const extra of [{}, { decision: null, reason: null, comments: null }]) {
      const asked = await mesh.agent(to).post<ApprovalAck>('/approvals', {
        task_id: task.slice('task-'.length),
        approver_role: newSubject('approver'),
        ...extra,
      });
      expect(asked).toMatchObject({ status: 202, body: { status: 'pending' } });
    }
  });

  it('400 without approver_role', async () => {
    const { from, task } = await routeFlow(mesh);
    for (const extra of [{}, { approver_role: null }]) {
      const answer = await mesh.agent(from).post('/approvals', { task_id: task, ...extra });
      expectProblem(answer, 400, 'request.invalid');
      expect(answer.body.errors).toMatchObject([{ pointer: '/approver_role' }]);
    }
  });

  it.each(['admin', 'auditor', 'system'])(
    '400 when approver_role is the reserved role %s',
    async (role) => {
      const { from, task } = await routeFlow(mesh);
      const answer = await mesh
        .agent(from)
        .post('/approvals', { task_id: task, approver_role: role });
      expectProblem(answer, 400, 'request.invalid');
    },
  );

  it.each([
    [{ task_id: 'x' }, '/task_id'],
    [{ task_id: 7 }, '/task_id'],
    [{ approver_role: '' }, '/approver_role'],
    [{ approver_role: 'r'.repeat(51) }, '/approver_role'],
    [{ approver_role: ['x'] }, '/approver_role'],
    [{ decision: 'maybe' }, '/decision'],
    [{ decision: 'withdrawn' }, '/decision'],
    [{ decision: 'Approved' }, '/decision'],
    [{ reason: 7 }, '/reason'],
    [{ reason: 'x'.repeat(10_001) }, '/reason'],
    [{ comments: 'x'.repeat(10_001) }, '/comments'],
    [{ comments: 'a', notes: 'b' }, '/notes'],
    [{ decided_by: 'me' }, '/decided_by'],
  ])('400 with %j', async (extra, pointer) => {
    const { from, task } = await routeFlow(mesh);
    const answer = await mesh.agent(from).post<{ errors: { pointer: string }[] }>('/approvals', {
      task_id: task,
      approver_role: 'approver',
      ...extra,
    });
    expect(answer.status).toBe(400);
    expect(new Set(answer.body.errors.map((problem) => problem.pointer))).toEqual(
      new Set([pointer]),
    );
  });

  it('404 with the same detail when the task is missing and when the caller does not participate', async () => {
    const { task } = await routeFlow(mesh);
    const details = new Set<unknown>();
    for (const task_id of [task, randomUUID()]) {
      for (const body of [{ approver_role: 'x' }, { decision: 'approved' }]) {
        const answer = await mesh.agent(newSubject('stranger')).post('/approvals', {
          task_id,
          ...body,
        });
        expectProblem(answer, 404, 'task.not_found');
        details.add(answer.body.detail);
      }
    }
    expect(details.size).toBe(1);
  });

  it('403 for auditors and admins', async () => {
    const { task } = await routeFlow(mesh);
    for (const staff of ['auditor', 'admin']) {
      const answer = await mesh
        .agent(staff)
        .post('/approvals', { task_id: task, approver_role: 'x' });
      expectProblem(answer, 403, 'auth.forbidden');
    }
  });

  it('409 with the id of the pending approval of the same role', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const id = await requestApproval(mesh, flow, approver);
    const again = await mesh.agent(flow.to).post('/approvals', {
      task_id: flow.task,
      approver_role: approver,
    });
    expectProblem(again, 409, 'approval.pending_exists');
    expect(again.body.detail).toContain(id);
    await requestApproval(mesh, flow, newSubject('another'));
  });

  it('requests again once the first is decided', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const first = await requestApproval(mesh, flow, approver);
    await mesh.agent(approver).post(`/approvals/${first}/decision`, {
      decision: 'rejected',
      comments: 'Too much',
    });
    const second = await requestApproval(mesh, flow, approver);
    expect(second).not.toBe(first);
    expect((await mesh.agent(approver).get(`/approvals/${first}`)).body.status).toBe('rejected');
  });

  it('creates one approval from 20 concurrent requests', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const answers = await Promise.all(
      times(20, (index) =>
        mesh.agent(index % 2 === 0 ? flow.from : flow.to).post('/approvals', {
          task_id: flow.task,
          approver_role: approver,
        }),
      ),
    );
    expect(statusesOf(answers)).toEqual([202, ...times(19, () => 409)]);
    const id = String(answers.find(({ status }) => status === 202)?.body.approval_id);
    for (const { body } of answers.filter(({ status }) => status === 409)) {
      expect(body).toMatchObject({ code: 'approval.pending_exists' });
      expect(body.detail).toContain(id);
    }
    expect(await approvalEvents(mesh, id)).toHaveLength(1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import {
  type ApprovalAck,
  approvalEvents,
  type ApprovalPage,
  requestApproval,
  routeFlow,
} from '../../support/approval-requests.js';
import { useSharedApp, actorOf, expectProblem, times, statusesOf } from '../../support/kit.js';

describe('POST /approvals with a decision that was not requested', () => {
  const mesh = useSharedApp();

  it('the assignee role decides', async () => {
    const { from, to, task } = await routeFlow(mesh);
    const decider = newSubject('decider');
    const decided = await mesh.agent(to, decider).post<ApprovalAck>('/approvals', {
      task_id: task,
      decision: 'approved',
      comments: 'Fine',
      reason: 'Small',
    });
    expect(decided).toMatchObject({ status: 202, body: { status: 'approved', task_id: task } });
    const { body } = await mesh.agent(from).get(`/approvals/${decided.body.approval_id}`);
    expect(body).toMatchObject({
      approver_role: to,
      status: 'approved',
      notes: 'Fine',
      reason: 'Small',
      requested_by: null,
      requested_role: null,
      decided_by: actorOf(decider),
    });
    expect(body.decision_at).not.toBeNull();
    expect(await approvalEvents(mesh, decided.body.approval_id)).toMatchObject([
      { event_type: 'approval_decided', role: to, actor: actorOf(decider) },
    ]);
  });

  it('404 for every other role', async () => {
    const flow = await routeFlow(mesh);
    const bystander = newSubject('bystander');
    const id = await requestApproval(mesh, flow, bystander);
    await mesh.agent(flow.from).post(`/approvals/${id}/withdraw`, {});
    for (const role of [flow.from, bystander, 'auditor', 'admin']) {
      const answer = await mesh.agent(role).post('/approvals', {
        task_id: flow.task,
        decision: 'approved',
      });
      expectProblem(answer, 404, 'approval.none_pending');
    }
  });

  it('409 once it is decided', async () => {
    const { to, task } = await routeFlow(mesh);
    const first = await mesh.agent(to).post<ApprovalAck>('/approvals', {
      task_id: task,
      decision: 'rejected',
      comments: 'Too much',
    });
    const again = await mesh.agent(to).post('/approvals', { task_id: task, decision: 'approved' });
    expectProblem(again, 409, 'approval.decided');
    expect(again.body.detail).toContain(first.body.approval_id);
    expect(again.body.detail).toContain('rejected');
  });

  it('409 names the first decision after a request was withdrawn', async () => {
    const flow = await routeFlow(mesh);
    const first = await mesh.agent(flow.to).post<ApprovalAck>('/approvals', {
      task_id: flow.task,
      decision: 'rejected',
      comments: 'Too much',
    });
    const asked = await requestApproval(mesh, flow, flow.to);
    await mesh.agent(flow.from).post(`/approvals/${asked}/withdraw`, {});
    const again = await mesh.agent(flow.to).post('/approvals', {
      task_id: flow.task,
      decision: 'approved',
    });
    expectProblem(again, 409, 'approval.decided');
    expect(again.body.detail).toContain(first.body.approval_id);
  });

  it('403 for the subject that routed the task', async () => {
    const { to, router, task } = await routeFlow(mesh);
    const answer = await mesh.agent(to, router).post('/approvals', {
      task_id: task,
      decision: 'approved',
    });
    expectProblem(answer, 403, 'approval.four_eyes');
  });

  it('stores one decision of 20 concurrent ones', async () => {
    const { from, to, task } = await routeFlow(mesh);
    const answers = await Promise.all(
      times(20, (index) =>
        mesh.agent(to).post('/approvals', {
          task_id: task,
          decision: index % 2 === 0 ? 'approved' : 'rejected',
          comments: 'So be it',
        }),
      ),
    );
    expect(statusesOf(answers)).toEqual([202, ...times(19, () => 409)]);
    const { body } = await mesh.agent(from).get<ApprovalPage>(`/approvals?task_id=${task}`);
    expect(body.approvals).toHaveLength(1);
    expect(await approvalEvents(mesh, `approval-${body.approvals[0]?.id ?? ''}`)).toHaveLength(1);
  });

  it('stores one decision when a request comes concurrently', async () => {
    await Promise.all(
      times(10, async () => {
        const flow = await routeFlow(mesh);
        const [asked, decided] = await Promise.all([
          mesh.agent(flow.from).post('/approvals', { task_id: flow.task, approver_role: flow.to }),
          mesh.agent(flow.to).post('/approvals', { task_id: flow.task, decision: 'approved' }),
        ]);
        expect([asked.status, decided.status]).toEqual([202, 202]);
        const { body } = await mesh
          .agent(flow.from)
          .get<ApprovalPage>(`/approvals?task_id=${flow.task}`);
        const settled = body.approvals.filter(({ status }) => status === 'approved');
        expect(settled).toHaveLength(1);
      }),
    );
  });
});

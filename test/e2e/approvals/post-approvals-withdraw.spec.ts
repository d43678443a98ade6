import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { approvalEvents, requestApproval, routeFlow } from '../../support/approval-requests.js';
import { useSharedApp, actorOf, expectProblem, times, statusesOf } from '../../support/kit.js';

describe('POST /approvals/:id/withdraw', () => {
  const mesh = useSharedApp();

  it('the requester role withdraws a pending approval, with the reason in the audit log', async () => {
    const flow = await routeFlow(mesh);
    const id = await requestApproval(mesh, flow, newSubject('approver'));
    const sub = newSubject('agent');
    const withdrawn = await mesh.agent(flow.from, sub).post(`/approvals/${id}/withdraw`, {
      reason: 'Changed',
    });
    expect(withdrawn).toMatchObject({
      status: 200,
      body: { status: 'withdrawn', decided_by: null },
    });
    expect((await approvalEvents(mesh, id)).slice(1)).toMatchObject([
      {
        event_type: 'approval_withdrawn',
        role: flow.from,
        actor: actorOf(sub),
        metadata: { told: 'Changed' },
      },
    ]);
  });

  it('accepts a request without a body', async () => {
    const flow = await routeFlow(mesh);
    const id = await requestApproval(mesh, flow, newSubject('approver'));
    expect((await mesh.agent(flow.from).post(`/approvals/${id}/withdraw`)).status).toBe(200);
  });

  it('403 for every other role, 404 for an unrelated caller', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const id = await requestApproval(mesh, flow, approver);
    const withdraw = (role: string) => mesh.agent(role).post(`/approvals/${id}/withdraw`, {});
    for (const role of [flow.to, approver, 'auditor', 'admin'])
      expectProblem(await withdraw(role), 403, 'auth.forbidden');
    expectProblem(await withdraw(newSubject('stranger')), 404, 'approval.not_found');
    const missing = await mesh.agent(flow.from).post(`/approvals/${randomUUID()}/withdraw`, {});
    expectProblem(missing, 404, 'approval.not_found');
  });

  it('409 a second time and after the decision', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const id = await requestApproval(mesh, flow, approver);
    const answers = await Promise.all(
      times(10, () => mesh.agent(flow.from).post(`/approvals/${id}/withdraw`, {})),
    );
    expect(statusesOf(answers)).toEqual([200, ...times(9, () => 409)]);
    const late = await mesh.agent(approver).post(`/approvals/${id}/decision`, {
      decision: 'approved',
    });
    expectProblem(late, 409, 'approval.decided');
    expect(late.body.detail).toContain('withdrawn');
    const second = await requestApproval(mesh, flow, approver);
    await mesh.agent(approver).post(`/approvals/${second}/decision`, { decision: 'approved' });
    const tooLate = await mesh.agent(flow.from).post(`/approvals/${second}/withdraw`, {});
    expectProblem(tooLate, 409, 'approval.decided');
  });
});

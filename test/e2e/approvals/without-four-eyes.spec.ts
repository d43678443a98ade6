import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { requestApproval, routeFlow } from '../../support/approval-requests.js';
import { useApp, expectProblem } from '../../support/kit.js';

describe('approvals with APPROVALS_FOUR_EYES=false', () => {
  const mesh = useApp({ env: { APPROVALS_FOUR_EYES: 'false' } });

  it('the requester decides when it holds the approver role', async () => {
    const flow = await routeFlow(mesh);
    const [approver, requester] = [newSubject('approver'), newSubject('requester')];
    const id = await requestApproval(mesh, flow, approver, requester);
    const decided = await mesh.agent(approver, requester).post(`/approvals/${id}/decision`, {
      decision: 'approved',
    });
    expect(decided.status).toBe(200);
  });

  it('the subject that routed decides without a request', async () => {
    const { to, router, task } = await routeFlow(mesh);
    const decided = await mesh.agent(to, router).post('/approvals', {
      task_id: task,
      decision: 'approved',
    });
    expect(decided).toMatchObject({ status: 202, body: { status: 'approved' } });
  });

  it('403 for a role other than the approver role', async () => {
    const flow = await routeFlow(mesh);
    const id = await requestApproval(mesh, flow, newSubject('approver'));
    const answer = await mesh.agent(flow.from).post(`/approvals/${id}/decision`, {
      decision: 'approved',
    });
    expectProblem(answer, 403, 'auth.forbidden');
  });
});

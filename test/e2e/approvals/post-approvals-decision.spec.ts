import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject, tokenWithoutDefaultRole } from '../../support/app.js';
import { Client } from '../../support/client.js';
import {
  approvalEvents,
  type ApprovalPage,
  requestApproval,
  routeFlow,
} from '../../support/approval-requests.js';
import { useSharedApp, actorOf, expectProblem, times, statusesOf } from '../../support/kit.js';

describe('POST /approvals/:id/decision', () => {
  const mesh = useSharedApp();

  it('with a digest decides about that payload only', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const id = await requestApproval(mesh, flow, approver);
    const agent = mesh.agent(approver);
    const path = `/approvals/${id}`;
    const { digest } = (await agent.get<{ digest: string }>(path)).body;

    for (const decision of ['approved', 'rejected']) {
      const body = { decision, comments: 'Read', digest: 'a'.repeat(64) };
      expectProblem(await agent.post(`${path}/decision`, body), 409, 'approval.payload_changed');
    }
    for (const wrong of ['', 'a', digest.toUpperCase(), 7]) {
      const body = { decision: 'approved', digest: wrong };
      expectProblem(await agent.post(`${path}/decision`, body), 400, 'request.invalid');
    }
    expect((await agent.get(path)).body).toMatchObject({ status: 'pending', votes: 0 });

    const decided = await agent.post(`${path}/decision`, { decision: 'approved', digest });
    expect(decided).toMatchObject({ status: 200, body: { status: 'approved', digest } });
    const late = { decision: 'approved', digest: 'a'.repeat(64) };
    expectProblem(await agent.post(`${path}/decision`, late), 409, 'approval.decided');
  });

  it.each(['approved', 'rejected'])('the approver role decides: %s', async (decision) => {
    const flow = await routeFlow(mesh);
    const [approver, decider] = [newSubject('approver'), newSubject('decider')];
    const id = await requestApproval(mesh, flow, approver);
    const decided = await mesh.agent(approver, decider).post(`/approvals/${id}/decision`, {
      decision,
      comments: 'Within the budget',
    });
    expect(decided).toMatchObject({
      status: 200,
      body: {
        status: decision,
        notes: 'Within the budget',
        decided_by: actorOf(decider),
        decision_at: expect.stringMatching(/Z$/),
      },
    });
    expect((await mesh.agent(flow.from).get(`/approvals/${id}`)).body).toEqual(decided.body);
    expect((await approvalEvents(mesh, id)).slice(1)).toMatchObject([
      {
        event_type: 'approval_decided',
        role: approver,
        actor: actorOf(decider),
        metadata: { decision },
      },
    ]);
  });

  it('POST /approvals decides the pending approval of the caller by task', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const id = await requestApproval(mesh, flow, approver);
    const decided = await mesh.agent(approver).post('/approvals', {
      task_id: flow.task,
      decision: 'approved',
      comments: 'Fine',
    });
    expect(decided).toMatchObject({
      status: 202,
      body: { approval_id: id, status: 'approved', task_id: flow.task },
    });
  });

  it('403 for every other role, 404 for an unrelated caller', async () => {
    const flow = await routeFlow(mesh);
    const id = await requestApproval(mesh, flow, newSubject('approver'));
    const decide = (role: string) =>
      mesh.agent(role).post(`/approvals/${id}/decision`, { decision: 'approved' });
    for (const role of [flow.from, flow.to, 'auditor', 'admin'])
      expectProblem(await decide(role), 403, 'auth.forbidden');
    expectProblem(await decide(newSubject('stranger')), 404, 'approval.not_found');
    expect((await mesh.agent('auditor').get(`/approvals/${id}`)).body.status).toBe('pending');
  });

  it('403 when approver_role is not held', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const id = await requestApproval(mesh, flow, approver);
    const answer = await mesh.agent(flow.to).post('/approvals', {
      task_id: flow.task,
      approver_role: approver,
      decision: 'approved',
    });
    expectProblem(answer, 403, 'auth.role_not_held');
    expect((await mesh.agent(flow.to).get(`/approvals/${id}`)).body.status).toBe('pending');
  });

  it('403 for the requester and for the subject that routed the task', async () => {
    const flow = await routeFlow(mesh);
    const [approver, requester] = [newSubject('approver'), newSubject('requester')];
    const id = await requestApproval(mesh, flow, approver, requester);
    for (const sub of [requester, flow.router]) {
      for (const answer of [
        await mesh.agent(approver, sub).post(`/approvals/${id}/decision`, { decision: 'approved' }),
        await mesh.agent(approver, sub).post('/approvals', {
          task_id: flow.task,
          decision: 'approved',
        }),
      ])
        expectProblem(answer, 403, 'approval.four_eyes');
    }
    const other = await mesh.agent(approver).post(`/approvals/${id}/decision`, {
      decision: 'approved',
    });
    expect(other.status).toBe(200);
  });

  it('409 with the decision once it is decided', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const id = await requestApproval(mesh, flow, approver);
    await mesh.agent(approver).post(`/approvals/${id}/decision`, { decision: 'approved' });
    for (const decision of ['approved', 'rejected']) {
      const again = await mesh.agent(approver).post(`/approvals/${id}/decision`, {
        decision,
        comments: 'So be it',
      });
      expectProblem(again, 409, 'approval.decided');
      expect(again.body.detail).toContain('approved');
    }
    expect(await approvalEvents(mesh, id)).toHaveLength(2);
  });

  it('404 when the approval is missing', async () => {
    const answer = await mesh.agent('manager').post(`/approvals/${randomUUID()}/decision`, {
      decision: 'approved',
    });
    expectProblem(answer, 404, 'approval.not_found');
  });

  it.each([
    {},
    { decision: 'pending' },
    { decision: 'x' },
    { decision: null },
    { decision: 'approved', reason: 'x' },
  ])('400 with %j', async (body) => {
    const answer = await mesh.agent('manager').post(`/approvals/${randomUUID()}/decision`, body);
    expectProblem(answer, 400, 'request.invalid');
  });

  it('stores one decision of 20 concurrent ones', async () => {
    const flow = await routeFlow(mesh);
    const approver = newSubject('approver');
    const id = await requestApproval(mesh, flow, approver);
    const answers = await Promise.all(
      times(20, (index) => {
        const decision = index % 2 === 0 ? 'approved' : 'rejected';
        const body = { decision, comments: 'So be it' };
        return mesh.agent(approver).post(`/approvals/${id}/decision`, body);
      }),
    );
    expect(statusesOf(answers)).toEqual([200, ...times(19, () => 409)]);
    const winner = answers.find(({ status }) => status === 200)?.body;
    expect((await mesh.agent(approver).get(`/approvals/${id}`)).body).toEqual(winner);
    expect(await approvalEvents(mesh, id)).toHaveLength(2);
  });

  it('either the decision or a concurrent withdrawal succeeds', async () => {
    const approver = newSubject('approver');
    const outcomes = await Promise.all(
      times(10, async () => {
        const flow = await routeFlow(mesh);
        const id = await requestApproval(mesh, flow, approver);
        const [decided, withdrawn] = await Promise.all([
          mesh.agent(approver).post(`/approvals/${id}/decision`, { decision: 'approved' }),
          mesh.agent(flow.from).post(`/approvals/${id}/withdraw`, {}),
        ]);
        expect(statusesOf([decided, withdrawn])).toEqual([200, 409]);
        const { body } = await mesh.agent(approver).get<{ status: string }>(`/approvals/${id}`);
        expect(body.status).toBe(decided.status === 200 ? 'approved' : 'withdrawn');
        return (await approvalEvents(mesh, id)).length;
      }),
    );
    expect(outcomes).toEqual(times(10, () => 2));
  });

  it('decides the named one of several pending approvals', async () => {
    const flow = await routeFlow(mesh);
    const [one, two] = [newSubject('one'), newSubject('two')];
    const ids = [await requestApproval(mesh, flow, one), await requestApproval(mesh, flow, two)];
    const named = await mesh.agent([one, two]).post('/approvals', {
      task_id: flow.task,
      approver_role: two,
      decision: 'rejected',
      comments: 'Too much',
    });
    expect(named.body).toMatchObject({ approval_id: ids[1], status: 'rejected' });
    const rest = await mesh.agent([two, one]).post('/approvals', {
      task_id: flow.task,
      decision: 'approved',
    });
    expect(rest.body).toMatchObject({ approval_id: ids[0], status: 'approved' });
  });

  it('decides for the role claim of the token when several are pending', async () => {
    const flow = await routeFlow(mesh);
    const [one, two] = [newSubject('one'), newSubject('two')];
    const [, id] = [await requestApproval(mesh, flow, one), await requestApproval(mesh, flow, two)];
    const decided = await mesh.agent([two, one]).post('/approvals', {
      task_id: flow.task,
      decision: 'approved',
    });
    expect(decided.body).toMatchObject({ approval_id: id });
  });

  it('400 with the ids when several are pending and no role is named', async () => {
    const flow = await routeFlow(mesh);
    const [one, two] = [newSubject('one'), newSubject('two')];
    const ids = [await requestApproval(mesh, flow, one), await requestApproval(mesh, flow, two)];
    const body = { task_id: flow.task, decision: 'approved' };
    const undecided = new Client(mesh.url, tokenWithoutDefaultRole([one, two]));
    const ambiguous = await undecided.post('/approvals', body);
    expectProblem(ambiguous, 400, 'auth.role_ambiguous');
    const elsewhere = await mesh.agent([newSubject('third'), one, two]).post('/approvals', body);
    expectProblem(elsewhere, 400, 'auth.role_ambiguous');
    for (const { body } of [ambiguous, elsewhere]) {
      for (const name of [one, two, ...ids]) expect(body.detail).toContain(name);
    }
    const pending = await mesh
      .agent(flow.from)
      .get<ApprovalPage>(`/approvals?task_id=${flow.task}&status=pending`);
    expect(pending.body.approvals).toHaveLength(2);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { type ApprovalBody, Matter, onlyApprovalOf, outcomeOf } from '../../support/approvals.js';
import type { Answer, Client } from '../../support/client.js';

let mesh: TestApp;

const delegate = (by: Client, id: string, role: string): Promise<Answer> =>
  by.post(`/approvals/${id}/delegate`, { role, reason: 'A matter of contract' });

async function waitingFor(by: Client, matter: Matter): Promise<string[]> {
  const { body } = await by.get<{ approvals: ApprovalBody[] }>(
    `/approvals?waiting_for=me&task_id=${matter.task}`,
  );
  return body.approvals.map(({ id }) => id);
}

describe('four eyes', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  describe('exclude the worker of a task with a required approval', () => {
    it('from delegating it', async () => {
      const matter = await Matter.requiring(mesh);
      const both = matter.agent([matter.to, matter.board]);
      const { session } = await matter.claim(both);
      const id = await onlyApprovalOf(matter);
      for (const role of [matter.to, newSubject('friends')]) {
        expect(outcomeOf(await delegate(both, id, role))).toBe('approval.four_eyes');
      }
      await both.post(`/sessions/${session}/release`, {});
      expect(outcomeOf(await delegate(both, id, newSubject('friends')))).toBe('approval.four_eyes');
      expect(await waitingFor(both, matter)).toEqual([]);
      expect(await waitingFor(matter.agent(matter.board), matter)).toEqual([id]);
    });

    it('and its role, the router’s and the requester’s as delegates', async () => {
      const matter = await Matter.requiring(mesh);
      await matter.claim();
      const id = await onlyApprovalOf(matter);
      for (const role of [matter.to, matter.from]) {
        expect(outcomeOf(await delegate(matter.agent(matter.board), id, role))).toBe(
          'approval.delegation_refused',
        );
      }
    });

    it('from withdrawing and resubmitting it', async () => {
      const matter = await Matter.requiring(mesh);
      const both = matter.agent([matter.to, matter.from]);
      await matter.claim(both);
      const id = await onlyApprovalOf(matter);
      expect(outcomeOf(await both.post(`/approvals/${id}/withdraw`, {}))).toBe(
        'approval.four_eyes',
      );
      await matter.decide(id, 'rejected');
      expect(outcomeOf(await both.post(`/approvals/${id}/resubmit`, {}))).toBe(
        'approval.four_eyes',
      );
      expect(outcomeOf(await matter.agent(matter.from).post(`/approvals/${id}/resubmit`, {}))).toBe(
        'ok',
      );
    });

    it('but let it withdraw its own request', async () => {
      const matter = await Matter.requiring(mesh);
      const { worker } = await matter.claim();
      await matter.decide(await onlyApprovalOf(matter), 'rejected');
      const id = await matter.ask({}, worker);
      expect(outcomeOf(await worker.post(`/approvals/${id}/withdraw`, {}))).toBe('ok');
    });

    it('from a decision without a request', async () => {
      for (const end of ['withdrawn', 'expired']) {
        const role = newSubject('both');
        const matter = await Matter.open(mesh, { target: role, requires_approval: { role } });
        const worker = matter.agent(role);
        await matter.claim(worker);
        const id = await onlyApprovalOf(matter);
        if (end === 'expired') await matter.lapse(id);
        else await matter.requester.post(`/approvals/${id}/withdraw`, {});
        const body = { task_id: matter.task, decision: 'approved' };
        expect(outcomeOf(await worker.post('/approvals', body))).toBe('approval.four_eyes');
        expect(outcomeOf(await matter.agent(role).post('/approvals', body))).toBe('ok');
      }
    });
  });

  describe('exclude the worker of a task without a required approval', () => {
    it('from a decision without a request once its role has a request', async () => {
      const matter = await Matter.open(mesh);
      const { worker } = await matter.claim();
      const id = await matter.ask({ approver_role: matter.to });
      await matter.requester.post(`/approvals/${id}/withdraw`, {});
      const body = { task_id: matter.task, decision: 'approved' };
      expect(outcomeOf(await worker.post('/approvals', body))).toBe('approval.four_eyes');
      expect(outcomeOf(await matter.agent(matter.to).post('/approvals', body))).toBe('ok');
    });

    it('but let it decide a request to its role, or without any request', async () => {
      for (const asked of [true, false]) {
        const matter = await Matter.open(mesh);
        const { worker, session } = await matter.claim();
        if (asked) await matter.ask({ approver_role: matter.to });
        const body = { task_id: matter.task, decision: 'approved' };
        expect(outcomeOf(await worker.post('/approvals', body))).toBe('ok');
        expect(outcomeOf(await worker.put(`/sessions/${session}`, { status: 'completed' }))).toBe(
          'ok',
        );
      }
    });
  });

  describe('exclude every requester', () => {
    it('of a superseded approval', async () => {
      const matter = await Matter.open(mesh);
      const first = newSubject('first');
      let id = await matter.ask({}, matter.agent(matter.from, first));
      for (let round = 0; round < 2; round++) {
        await matter.decide(id, 'rejected');
        const again = await matter
          .agent(matter.from)
          .post<ApprovalBody>(`/approvals/${id}/resubmit`, { payload: { amount: round } });
        id = again.body.id;
      }
      const own = matter.agent(matter.board, first);
      expect(outcomeOf(await matter.decide(id, 'approved', own))).toBe('approval.four_eyes');
      expect(outcomeOf(await delegate(own, id, newSubject('legal')))).toBe('approval.four_eyes');
      expect(await waitingFor(own, matter)).toEqual([]);
      expect(outcomeOf(await matter.decide(id))).toBe('ok');
    });

    it('of a withdrawn request that another subject repeats', async () => {
      const matter = await Matter.open(mesh);
      const first = newSubject('first');
      const asked = await matter.ask({}, matter.agent(matter.from, first));
      await matter.requester.post(`/approvals/${asked}/withdraw`, {});
      const id = await matter.ask({}, matter.agent(matter.from));
      const own = matter.agent(matter.board, first);
      expect(outcomeOf(await matter.decide(id, 'approved', own))).toBe('approval.four_eyes');
    });

    it('of the later stages of a superseded chain', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const first = newSubject('first');
      const asked = await matter.ask(
        { stages: [matter.board, legal] },
        matter.agent(matter.from, first),
      );
      await matter.decide(asked);
      const second = (await matter.all())[1]?.id ?? '';
      await matter.decide(second, 'rejected', matter.agent(legal));
      const again = await matter
        .agent(matter.from)
        .post<ApprovalBody>(`/approvals/${second}/resubmit`, { payload: { amount: 1 } });
      await matter.decide(again.body.id);
      const last = (await matter.all()).at(-1)?.id ?? '';
      const own = matter.agent(legal, first);
      expect(outcomeOf(await matter.decide(last, 'approved', own))).toBe('approval.four_eyes');
    });

    it('from a decision without a request after its withdrawal', async () => {
      const matter = await Matter.open(mesh);
      const both = matter.agent([matter.from, matter.to]);
      const id = await matter.ask({ approver_role: matter.to }, both);
      await both.post(`/approvals/${id}/withdraw`, {});
      const body = { task_id: matter.task, decision: 'approved', approver_role: matter.to };
      expect(outcomeOf(await both.post('/approvals', body))).toBe('approval.four_eyes');
    });
  });

  describe('exclude a voter from using the approval', () => {
    it('to complete the task as worker or admin', async () => {
      for (const way of ['status', 'event']) {
        const matter = await Matter.requiring(mesh);
        const voter = matter.agent([matter.board, 'admin']);
        const { worker, session } = await matter.claim();
        await matter.decide(await onlyApprovalOf(matter), 'approved', voter);
        const [path, body] =
          way === 'event'
            ? [`/sessions/${session}/events`, { event: 'complete' }]
            : [`/sessions/${session}`, { status: 'completed' }];
        expect(outcomeOf(await voter.put(path, body))).toBe('task.approval_required');
        expect(outcomeOf(await worker.put(path, body))).toBe('ok');
      }
    });

    it('to complete the task by an admin when the worker voted', async () => {
      const matter = await Matter.requiring(mesh);
      const voter = matter.agent([matter.to, matter.board]);
      await matter.decide(await onlyApprovalOf(matter), 'approved', voter);
      const { session } = await matter.claim(voter);
      const answer = await matter
        .agent('admin')
        .put(`/sessions/${session}`, { status: 'completed' });
      expect(outcomeOf(answer)).toBe('task.approval_required');
    });

    it('to consume it, after a vote in any stage', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const voter = matter.agent([matter.from, matter.board]);
      await matter.decide(await matter.ask({ stages: [matter.board, legal] }), 'approved', voter);
      const last = (await matter.all())[1]?.id ?? '';
      const { digest } = (await matter.decide(last, 'approved', matter.agent(legal))).body;
      const path = `/approvals/${last}/consume`;
      expect(outcomeOf(await voter.post(path, { digest }))).toBe('approval.four_eyes');
      expect(outcomeOf(await matter.requester.post(path, { digest }))).toBe('ok');
    });
  });

  describe('exclude the requester’s role', () => {
    it('as approver, as a later stage and as the required approver', async () => {
      const matter = await Matter.open(mesh);
      const ask = (body: object, by = matter.requester) =>
        by.post('/approvals', { task_id: matter.task, ...body });
      const answers = [
        await ask({ approver_role: matter.from }),
        await ask({ stages: [matter.board, matter.from] }),
        await ask({ approver_role: matter.to }, matter.agent(matter.to)),
        await matter.requester.post('/tasks/route', {
          target: matter.to,
          task: { task_type: 'purchase' },
          requires_approval: { role: matter.from },
        }),
      ];
      for (const answer of answers) {
        expect(answer).toMatchObject({ status: 403, body: { code: 'approval.four_eyes' } });
      }
      expect(await matter.all()).toEqual([]);
    });

    it('from a decision without a request of a task that it routed to itself', async () => {
      const role = newSubject('team');
      const matter = await Matter.open(mesh);
      const router = matter.agent(role);
      const routed = await router.post<{ task_id: string }>('/tasks/route', {
        target: role,
        task: { task_type: 'purchase' },
      });
      const body = { task_id: routed.body.task_id, decision: 'approved' };
      expect(outcomeOf(await matter.agent(role).post('/approvals', body))).toBe(
        'approval.four_eyes',
      );
    });
  });
});

describe('four eyes with APPROVALS_SAME_ROLE', () => {
  beforeAll(async () => {
    mesh = await startTestApp({ env: { APPROVALS_SAME_ROLE: 'true' } });
  });

  afterAll(() => mesh.close());

  it('let another subject of the requester’s role decide', async () => {
    const matter = await Matter.open(mesh);
    const id = await matter.ask({ approver_role: matter.from });
    expect(outcomeOf(await matter.decide(id, 'approved', matter.requester))).toBe(
      'approval.four_eyes',
    );
    expect(outcomeOf(await matter.decide(id, 'approved', matter.agent(matter.from)))).toBe('ok');
  });
});

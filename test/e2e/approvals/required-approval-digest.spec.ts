import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { type ApprovalBody, Matter, outcomeOf } from '../../support/approvals.js';
import type { Answer, Client } from '../../support/client.js';

let mesh: TestApp;

describe('required approval', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  const complete = (worker: Client, session: string): Promise<Answer> =>
    worker.put(`/sessions/${session}`, { status: 'completed' });

  const requirementOf = async (matter: Matter): Promise<ApprovalBody> => {
    const [first] = await matter.all();
    if (!first) throw new Error('the requirement is asked along with the task');
    return first;
  };

  /** Completes a task and gives the outcome. */
  async function completion({ worker, session }: { worker: Client; session: string }) {
    return outcomeOf(await complete(worker, session));
  }

  describe('is bound to the digest of the task', () => {
    it('is not met by an approval of another payload', async () => {
      for (const place of [0, 1]) {
        const matter = await Matter.requiring(mesh);
        const held = await matter.claim();
        const other = newSubject('other');
        const stages = place === 0 ? [matter.board, other] : [other, matter.board];
        // The first place is taken by the requirement while that is pending.
        if (place === 0) {
          await matter.requester.post(
            `/approvals/${(await requirementOf(matter)).id}/withdraw`,
            {},
          );
        }
        const id = await matter.ask(
          { stages, payload: { question: 'may I tell finance that we are on it?' } },
          held.worker,
        );
        await matter.decide(id, 'approved', matter.agent(stages[0] ?? ''));
        const second = (await matter.all()).find(({ stage }) => stage === 2)?.id ?? '';
        await matter.decide(second, 'approved', matter.agent(stages[1] ?? ''));
        expect(await completion(held)).toBe('task.approval_required');
      }
    });

    it('is not met by a chain of several roles', async () => {
      const matter = await Matter.requiring(mesh);
      const held = await matter.claim();
      const other = newSubject('other');
      await matter.requester.post(`/approvals/${(await requirementOf(matter)).id}/withdraw`, {});
      await matter.decide(await matter.ask({ stages: [matter.board, other] }));
      const second = (await matter.all()).find(({ stage }) => stage === 2)?.id ?? '';
      await matter.decide(second, 'approved', matter.agent(other));
      expect(await completion(held)).toBe('task.approval_required');
    });

    it('is not met by a resubmission with another payload', async () => {
      const matter = await Matter.requiring(mesh);
      const held = await matter.claim();
      const { id } = await requirementOf(matter);
      await matter.requester.post(`/approvals/${id}/withdraw`, {});
      const small = await matter.requester.post<ApprovalBody>(`/approvals/${id}/resubmit`, {
        payload: { amount: 5 },
      });
      await matter.decide(small.body.id);
      expect(await completion(held)).toBe('task.approval_required');
    });

    it('is met by a participant’s request to the role with an equal payload', async () => {
      for (const payload of [
        undefined,
        { data: { amount: 50_000.0 }, context: {}, description: '', task_type: 'purchase' },
      ]) {
        const matter = await Matter.requiring(mesh);
        const held = await matter.claim();
        await matter.decide((await requirementOf(matter)).id, 'rejected');
        await matter.decide(await matter.ask({ payload }, held.worker));
        expect(await completion(held)).toBe('ok');
      }
    });

    it('is met by the role it was delegated to', async () => {
      const matter = await Matter.requiring(mesh);
      const held = await matter.claim();
      const { id } = await requirementOf(matter);
      const cfo = newSubject('cfo');
      const body = { role: cfo, reason: 'Its budget' };
      await matter.agent(matter.board).post(`/approvals/${id}/delegate`, body);
      await matter.decide(id, 'approved', matter.agent(cfo));
      expect(await completion(held)).toBe('ok');
    });
  });

  describe('is superseded by a later rejection of the same payload', () => {
    it.each([
      ['with a smaller quorum', { quorum: 1 }],
      ['with a larger quorum', { quorum: 3 }],
    ])('%s', async (_, more) => {
      const matter = await Matter.requiring(mesh, { quorum: 2 });
      const held = await matter.claim();
      const { id } = await requirementOf(matter);
      await matter.decide(id);
      await matter.decide(id);
      await matter.decide(await matter.ask(more), 'rejected');
      expect(await completion(held)).toBe('task.approval_required');
    });

    it('in a chain of several roles', async () => {
      for (const first of [true, false]) {
        const matter = await Matter.requiring(mesh);
        const held = await matter.claim();
        await matter.decide((await requirementOf(matter)).id);
        const other = newSubject('other');
        const id = await matter.ask({
          stages: first ? [matter.board, other] : [other, matter.board],
        });
        if (!first) await matter.decide(id, 'approved', matter.agent(other));
        await matter.decide((await matter.all()).at(-1)?.id ?? '', 'rejected');
        expect(await completion(held)).toBe('task.approval_required');
      }
    });

    it('by a delegate, and by the role after another has delegated to it', async () => {
      for (const away of [true, false]) {
        const matter = await Matter.requiring(mesh);
        const held = await matter.claim();
        await matter.decide((await requirementOf(matter)).id);
        const other = newSubject('other');
        const [asked, decides] = away ? [matter.board, other] : [other, matter.board];
        const id = await matter.ask({ approver_role: asked });
        const body = { role: decides, reason: 'x' };
        await matter.agent(asked).post(`/approvals/${id}/delegate`, body);
        await matter.decide(id, 'rejected', matter.agent(decides));
        expect(await completion(held)).toBe('task.approval_required');
      }
    });

    it('but not by a rejection of another payload', async () => {
      const matter = await Matter.requiring(mesh);
      const held = await matter.claim();
      await matter.decide((await requirementOf(matter)).id);
      await matter.decide(await matter.ask({ payload: { tell: 'finance' } }), 'rejected');
      expect(await completion(held)).toBe('ok');
    });

    it('or the rejection is refused, when the task is completed concurrently', async () => {
      for (let round = 0; round < 8; round++) {
        const matter = await Matter.requiring(mesh);
        const { worker, session } = await matter.claim();
        await matter.decide((await requirementOf(matter)).id);
        const id = await matter.ask();
        const [done, rejected] = await Promise.all([
          complete(worker, session),
          matter.decide(id, 'rejected'),
        ]);
        expect([
          ['ok', 'task.finished'],
          ['task.approval_required', 'ok'],
          ['ok', 'approval.decided'],
        ]).toContainEqual([outcomeOf(done), outcomeOf(rejected)]);
      }
    });
  });

  describe('consumption', () => {
    it('by the agent that claimed the task still completes it', async () => {
      const matter = await Matter.requiring(mesh);
      const held = await matter.claim();
      const { id } = await requirementOf(matter);
      const { digest } = (await matter.decide(id)).body;
      expect((await held.worker.post(`/approvals/${id}/consume`, { digest })).status).toBe(200);
      expect(await completion(held)).toBe('ok');
    });

    it('by the requester role for another purpose does not complete the task', async () => {
      const matter = await Matter.requiring(mesh);
      const { id } = await requirementOf(matter);
      const { digest } = (await matter.decide(id)).body;
      await matter.requester.post(`/approvals/${id}/consume`, { digest });
      const { worker, session } = await matter.claim();
      const refused = await complete(worker, session);
      expect(outcomeOf(refused)).toBe('task.approval_required');
      expect(refused.body.detail).toContain(matter.router);
      expect(refused.body.detail).toMatch(/\d{4}-\d\d-\d\dT/);
    });

    it('for another purpose counts when its subject claims the task later', async () => {
      const matter = await Matter.requiring(mesh);
      const { id } = await requirementOf(matter);
      const { digest } = (await matter.decide(id)).body;
      await matter.requester.post(`/approvals/${id}/consume`, { digest });
      const { worker, session } = await matter.claim(matter.agent(matter.to, matter.router));
      expect(outcomeOf(await complete(worker, session))).toBe('task.approval_required');
    });
  });

  describe('after a retry', () => {
    const retry = (matter: Matter, by = matter.requester) =>
      by.post(`/tasks/${matter.task}/retry`, { reason: 'Once more' });

    it('of a cancelled task it is pending again', async () => {
      for (const decision of ['approved', 'rejected', undefined] as const) {
        const matter = await Matter.requiring(mesh, { quorum: 1, expires_in_seconds: 3_600 });
        const first = await requirementOf(matter);
        if (decision) await matter.decide(first.id, decision);
        await matter.requester.post(`/tasks/${matter.task}/cancel`, {});
        expect(outcomeOf(await retry(matter))).toBe('ok');

        const pending = (await matter.all()).filter(({ status }) => status === 'pending');
        expect(pending).toMatchObject([
          { approver_role: matter.board, quorum: 1, digest: first.digest },
        ]);
        const held = await matter.claim();
        expect(await completion(held)).toBe('task.approval_required');
        await matter.decide(pending[0]?.id ?? '');
        expect(await completion(held)).toBe('ok');
      }
    });

    it('of a failed task it stays when it is met or pending', async () => {
      for (const decided of [true, false]) {
        const matter = await Matter.requiring(mesh);
        const { worker, session } = await matter.claim();
        if (decided) await matter.decide((await requirementOf(matter)).id);
        await worker.put(`/sessions/${session}`, { status: 'failed', error: 'no' });
        expect(outcomeOf(await retry(matter))).toBe('ok');
        expect(await matter.all()).toHaveLength(1);
      }
    });

    it('of a failed task it is requested again by the retrying subject when it was rejected', async () => {
      const matter = await Matter.requiring(mesh);
      const { worker, session } = await matter.claim();
      await matter.decide((await requirementOf(matter)).id, 'rejected');
      await worker.put(`/sessions/${session}`, { status: 'failed', error: 'no' });
      const admin = newSubject('admin');
      expect(outcomeOf(await retry(matter, matter.agent('admin', admin)))).toBe('ok');

      const again = (await matter.all())[1];
      expect(again).toMatchObject({ status: 'pending', requested_role: matter.from });
      expect(again?.requested_by).toContain(admin);
      const own = matter.agent(matter.board, admin);
      expect(outcomeOf(await matter.decide(again?.id ?? '', 'approved', own))).toBe(
        'approval.four_eyes',
      );
    });

    it('a decision made while the task was cancelled does not count', async () => {
      for (let round = 0; round < 8; round++) {
        const matter = await Matter.requiring(mesh);
        const { id } = await requirementOf(matter);
        await Promise.all([
          matter.decide(id),
          matter.requester.post(`/tasks/${matter.task}/cancel`, {}),
        ]);
        await retry(matter);
        expect(await completion(await matter.claim())).toBe('task.approval_required');
      }
    });
  });
});

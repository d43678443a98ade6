import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../../support/app.js';
import { Matter, onlyApprovalOf, outcomesOf } from '../../support/approvals.js';
import { times } from '../../support/kit.js';
import type { Answer, Client } from '../../support/client.js';
import { sweepDeadlines } from '../../support/work.js';

let mesh: TestApp;

describe('approvals of tasks', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  const complete = (worker: Client, session: string): Promise<Answer> =>
    worker.put(`/sessions/${session}`, { status: 'completed', result: { ok: true } });

  /** Routes what is to be refused. */
  async function route(more: Record<string, unknown>): Promise<Answer> {
    const { requester, to } = await Matter.open(mesh);
    return requester.post('/tasks/route', { target: to, task: { task_type: 'purchase' }, ...more });
  }

  describe('a task with a required approval', () => {
    it('requests it with the task, and completes after it', async () => {
      const matter = await Matter.requiring(mesh, { quorum: 2 });
      const [asked] = await matter.all();
      expect(asked).toMatchObject({ approver_role: matter.board, status: 'pending', quorum: 2 });
      const { worker, session } = await matter.claim();

      expect(outcomesOf([await complete(worker, session)])).toEqual(['task.approval_required']);
      await matter.decide(asked?.id ?? '');
      expect(outcomesOf([await complete(worker, session)])).toEqual(['task.approval_required']);
      await matter.decide(asked?.id ?? '');
      expect(outcomesOf([await complete(worker, session)])).toEqual(['ok']);
    });

    it('409 for the event complete before it', async () => {
      const matter = await Matter.requiring(mesh);
      const { worker, session } = await matter.claim();
      const answer = await worker.put(`/sessions/${session}/events`, { event: 'complete' });
      expect(outcomesOf([answer])).toEqual(['task.approval_required']);
      const failed = await worker.put(`/sessions/${session}/events`, { event: 'fail' });
      expect(failed.status).toBe(200);
    });

    it('allows another request after a rejection', async () => {
      const matter = await Matter.requiring(mesh);
      const { worker, session } = await matter.claim();
      await matter.decide(await onlyApprovalOf(matter), 'rejected');
      expect(outcomesOf([await complete(worker, session)])).toEqual(['task.approval_required']);

      await matter.decide(await matter.ask({}, worker));
      expect(outcomesOf([await complete(worker, session)])).toEqual(['ok']);
    });

    it('uses the latest decision', async () => {
      const matter = await Matter.requiring(mesh);
      const { worker, session } = await matter.claim();
      await matter.decide(await onlyApprovalOf(matter));
      await matter.decide(await matter.ask(), 'rejected');
      expect(outcomesOf([await complete(worker, session)])).toEqual(['task.approval_required']);
    });

    it('needs the required quorum', async () => {
      const matter = await Matter.requiring(mesh, { quorum: 2 });
      const { worker, session } = await matter.claim();
      await matter.requester.post(`/approvals/${await onlyApprovalOf(matter)}/withdraw`, {});
      await matter.decide(await matter.ask({ quorum: 1 }));
      expect(outcomesOf([await complete(worker, session)])).toEqual(['task.approval_required']);
    });

    it('excludes agents that claimed it as approvers, and approvers as workers', async () => {
      const matter = await Matter.requiring(mesh);
      const both = matter.agent([matter.to, matter.board]);
      const { session } = await matter.claim(both);
      const id = await onlyApprovalOf(matter);
      expect(outcomesOf([await matter.decide(id, 'approved', both)])).toEqual([
        'approval.four_eyes',
      ]);
      await both.post(`/sessions/${session}/release`, {});
      expect(outcomesOf([await matter.decide(id, 'approved', both)])).toEqual([
        'approval.four_eyes',
      ]);

      const voter = matter.agent([matter.to, matter.board]);
      await matter.decide(id, 'approved', voter);
      const again = await matter.claim(voter);
      expect(outcomesOf([await complete(voter, again.session)])).toEqual([
        'task.approval_required',
      ]);
      await voter.post(`/sessions/${again.session}/release`, {});
      const other = await matter.claim();
      expect(outcomesOf([await complete(other.worker, other.session)])).toEqual(['ok']);
    });

    it('keeps the decision for later attempts', async () => {
      const matter = await Matter.requiring(mesh);
      const first = await matter.claim();
      await matter.decide(await onlyApprovalOf(matter));
      await first.worker.post(`/sessions/${first.session}/release`, {});
      const second = await matter.claim();
      expect(outcomesOf([await complete(second.worker, second.session)])).toEqual(['ok']);
    });

    it('completes or not with a concurrent decision', async () => {
      for (const decision of ['approved', 'rejected'] as const) {
        const matter = await Matter.requiring(mesh);
        const { worker, session } = await matter.claim();
        const id = await onlyApprovalOf(matter);
        const [decided, done] = await Promise.all([
          matter.decide(id, decision),
          complete(worker, session),
        ]);
        expect(outcomesOf([decided])).toEqual(['ok']);
        const [outcome] = outcomesOf([done]);
        const legal =
          decision === 'approved' ? ['ok', 'task.approval_required'] : ['task.approval_required'];
        expect(legal).toContain(outcome);
      }
    });

    it.each([
      [{ role: 'admin' }, '/requires_approval/role'],
      [{ role: 'legal', quorum: 0 }, '/requires_approval/quorum'],
      [{ role: 'legal', expires_in_seconds: 1 }, '/requires_approval/expires_in_seconds'],
      [{}, '/requires_approval/role'],
      [{ role: 'legal', more: 1 }, '/requires_approval/more'],
    ])('400 with requires_approval %j', async (requires_approval, pointer) => {
      const answer = await route({ requires_approval });
      expect(answer.body).toMatchObject({ code: 'request.invalid', errors: [{ pointer }] });
    });

    it('400 for a notification, which completes when it is claimed', async () => {
      const answer = await route({
        task: { task_type: 'notification' },
        requires_approval: { role: 'legal' },
      });
      expect(answer.body).toMatchObject({ errors: [{ pointer: '/requires_approval' }] });
    });
  });

  describe('the end of a task', () => {
    const ends: [string, (matter: Matter) => Promise<unknown>][] = [
      [
        'its completion',
        async (matter) => {
          const { worker, session } = await matter.claim();
          return complete(worker, session);
        },
      ],
      ['its cancellation', (matter) => matter.requester.post(`/tasks/${matter.task}/cancel`, {})],
      [
        'its deadline',
        async (matter) => {
          await mesh.query(
            `UPDATE sessions SET deadline_at = clock_timestamp() - interval '1 s' WHERE task_id = $1`,
            [matter.task.replace('task-', '')],
          );
          await sweepDeadlines(mesh);
        },
      ],
    ];

    it.each(ends)('withdraws pending approvals: %s', async (_, end) => {
      const matter = await Matter.open(mesh);
      const [pending, decided] = [await matter.ask(), await matter.ask({ approver_role: 'legal' })];
      await matter.decide(decided, 'approved', matter.agent('legal'));
      await end(matter);

      expect((await matter.get(pending)).status).toBe('withdrawn');
      expect((await matter.get(decided)).status).toBe('approved');
      const [event] = await mesh.query<{ metadata: { reason: string } }>(
        `SELECT metadata FROM audit_events
        WHERE approval_id = $1 AND event_type = 'approval_withdrawn'`,
        [pending.replace('approval-', '')],
      );
      expect(event?.metadata.reason).toBe('task_ended');
    });

    it('409 for requests, decisions, delegations and consumptions afterwards', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      const { digest } = (await matter.decide(id)).body;
      const { worker, session } = await matter.claim();
      await complete(worker, session);

      const answers = [
        await matter.requester.post('/approvals', { task_id: matter.task, approver_role: 'legal' }),
        await matter
          .agent(matter.to)
          .post('/approvals', { task_id: matter.task, decision: 'approved' }),
        await matter.decide(id),
        await matter.requester.post(`/approvals/${id}/consume`, { digest }),
        await matter.requester.post(`/approvals/${id}/withdraw`, {}),
        await matter.requester.post(`/approvals/${id}/resubmit`, {}),
        await matter
          .agent(matter.board)
          .post(`/approvals/${id}/delegate`, { role: 'cfo', reason: 'x' }),
      ];
      expect(outcomesOf(answers)).toEqual(times(7, () => 'task.finished'));
    });

    it('withdraws approvals at the deadline, before the sweep', async () => {
      const matter = await Matter.open(mesh, {
        deadline_at: new Date(Date.now() + 3_600_000).toISOString(),
      });
      const id = await matter.ask();
      await mesh.query(
        `UPDATE tasks SET deadline_at = clock_timestamp() - interval '1 s' WHERE id = $1`,
        [matter.task.replace('task-', '')],
      );
      expect(outcomesOf([await matter.decide(id)])).toEqual(['task.finished']);
    });

    it('keeps approvals when the task can be retried', async () => {
      const matter = await Matter.open(mesh, { max_attempts: 1 });
      const id = await matter.ask();
      const { worker, session } = await matter.claim();
      await worker.put(`/sessions/${session}`, { status: 'failed', error: 'no' });

      expect((await matter.get(id)).status).toBe('pending');
      expect((await matter.decide(id)).status).toBe(200);
    });

    it('has valid outcomes with a concurrent request, decision and withdrawal', async () => {
      for (let round = 0; round < 8; round++) {
        const matter = await Matter.open(mesh);
        const id = await matter.ask();
        const [decided, asked, withdrawn, ended] = await Promise.all([
          matter.decide(id),
          matter.requester.post('/approvals', { task_id: matter.task, approver_role: 'legal' }),
          matter.requester.post(`/approvals/${id}/withdraw`, {}),
          matter.requester.post(`/tasks/${matter.task}/cancel`, {}),
        ]);
        expect(outcomesOf([ended])).toEqual(['ok']);
        for (const answer of [decided, asked, withdrawn]) {
          expect(['ok', 'task.finished', 'approval.decided']).toContain(outcomesOf([answer])[0]);
        }
        const left = await matter.all();
        expect(left.filter(({ status }) => status === 'pending')).toEqual([]);
        const settled = (await matter.events(id)).filter((event) => event !== 'approval_requested');
        expect(settled).toHaveLength(1);
      }
    });
  });
});

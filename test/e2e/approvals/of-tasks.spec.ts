import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../../support/app.js';
import { Matter, outcomesOf } from '../../support/approvals.js';
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
    const { asker, to } = await Matter.open(mesh);
    return asker.post('/tasks/route', { target: to, task: { task_type: 'purchase' }, ...more });
  }

  const onlyOf = async (matter: Matter): Promise<string> => (await matter.all())[0]?.id ?? '';

  describe('a task that requires an approval', () => {
    it('has it asked along with it, and is completed after it only', async () => {
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

    it('is not completed by an event either', async () => {
      const matter = await Matter.requiring(mesh);
      const { worker, session } = await matter.claim();
      const answer = await worker.put(`/sessions/${session}/events`, { event: 'complete' });
      expect(outcomesOf([answer])).toEqual(['task.approval_required']);
      const failed = await worker.put(`/sessions/${session}/events`, { event: 'fail' });
      expect(failed.status).toBe(200);
    });

    it('can have it asked again when it came to nothing', async () => {
      const matter = await Matter.requiring(mesh);
      const { worker, session } = await matter.claim();
      await matter.decide(await onlyOf(matter), 'rejected');
      expect(outcomesOf([await complete(worker, session)])).toEqual(['task.approval_required']);

      await matter.decide(await matter.ask({}, worker));
      expect(outcomesOf([await complete(worker, session)])).toEqual(['ok']);
    });

    it('does not go by an earlier decision when a later one was against it', async () => {
      const matter = await Matter.requiring(mesh);
      const { worker, session } = await matter.claim();
      await matter.decide(await onlyOf(matter));
      await matter.decide(await matter.ask(), 'rejected');
      expect(outcomesOf([await complete(worker, session)])).toEqual(['task.approval_required']);
    });

    it('does not go by fewer votes than it requires', async () => {
      const matter = await Matter.requiring(mesh, { quorum: 2 });
      const { worker, session } = await matter.claim();
      await matter.asker.post(`/approvals/${await onlyOf(matter)}/withdraw`, {});
      await matter.decide(await matter.ask({ quorum: 1 }));
      expect(outcomesOf([await complete(worker, session)])).toEqual(['task.approval_required']);
    });

    it('is never decided by an agent that holds or held it, nor completed by one that decided', async () => {
      const matter = await Matter.requiring(mesh);
      const both = matter.agent([matter.to, matter.board]);
      const { session } = await matter.claim(both);
      const id = await onlyOf(matter);
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

    it('keeps what was decided from attempt to attempt', async () => {
      const matter = await Matter.requiring(mesh);
      const first = await matter.claim();
      await matter.decide(await onlyOf(matter));
      await first.worker.post(`/sessions/${first.session}/release`, {});
      const second = await matter.claim();
      expect(outcomesOf([await complete(second.worker, second.session)])).toEqual(['ok']);
    });

    it('is completed or not, when the decision comes at the same time', async () => {
      for (const decision of ['approved', 'rejected'] as const) {
        const matter = await Matter.requiring(mesh);
        const { worker, session } = await matter.claim();
        const id = await onlyOf(matter);
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
    ])('does not require %j', async (requires_approval, pointer) => {
      const answer = await route({ requires_approval });
      expect(answer.body).toMatchObject({ code: 'request.invalid', errors: [{ pointer }] });
    });

    it('is no notification, for its claim completes that', async () => {
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
      ['its cancellation', (matter) => matter.asker.post(`/tasks/${matter.task}/cancel`, {})],
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

    it.each(ends)('withdraws what is pending: %s', async (_, end) => {
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

    it('leaves nothing to ask, decide, hand on or use', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      const { digest } = (await matter.decide(id)).body;
      const { worker, session } = await matter.claim();
      await complete(worker, session);

      const answers = [
        await matter.asker.post('/approvals', { task_id: matter.task, approver_role: 'legal' }),
        await matter
          .agent(matter.to)
          .post('/approvals', { task_id: matter.task, decision: 'approved' }),
        await matter.decide(id),
        await matter.asker.post(`/approvals/${id}/consume`, { digest }),
        await matter.asker.post(`/approvals/${id}/withdraw`, {}),
        await matter.asker.post(`/approvals/${id}/resubmit`, {}),
        await matter
          .agent(matter.board)
          .post(`/approvals/${id}/delegate`, { role: 'cfo', reason: 'x' }),
      ];
      expect(outcomesOf(answers)).toEqual(times(7, () => 'task.finished'));
    });

    it('is past its deadline before the sweep comes by', async () => {
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

    it('leaves approvals as they are when the task may be asked for again', async () => {
      const matter = await Matter.open(mesh, { max_attempts: 1 });
      const id = await matter.ask();
      const { worker, session } = await matter.claim();
      await worker.put(`/sessions/${session}`, { status: 'failed', error: 'no' });

      expect((await matter.get(id)).status).toBe('pending');
      expect((await matter.decide(id)).status).toBe(200);
    });

    it('and an ask, a decision and a withdrawal at the same time have legal outcomes only', async () => {
      for (let round = 0; round < 8; round++) {
        const matter = await Matter.open(mesh);
        const id = await matter.ask();
        const [decided, asked, withdrawn, ended] = await Promise.all([
          matter.decide(id),
          matter.asker.post('/approvals', { task_id: matter.task, approver_role: 'legal' }),
          matter.asker.post(`/approvals/${id}/withdraw`, {}),
          matter.asker.post(`/tasks/${matter.task}/cancel`, {}),
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

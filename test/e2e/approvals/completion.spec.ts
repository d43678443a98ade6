import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { Matter, outcomeOf } from '../../support/approvals.js';
import { times, useSharedApp } from '../../support/kit.js';

describe('pending approvals at the completion of a task', () => {
  const mesh = useSharedApp();

  const ways = [
    ['PUT /sessions/{id}', '', { status: 'completed' }],
    ['PUT /sessions/{id}/events', '/events', { event: 'complete' }],
  ] as const;

  describe('a decision that could mean several approvals', () => {
    it('409 with the ids for one role in two stages', async () => {
      const matter = await Matter.open(mesh);
      const first = newSubject('first');
      const early = await matter.ask({ stages: [first, matter.board], payload: { n: 1 } });
      await matter.decide(early, 'approved', matter.agent(first));
      const later = (await matter.all())[1]?.id ?? '';
      const other = await matter.ask({ payload: { n: 2 } });
      for (const more of [{}, { approver_role: matter.board }]) {
        const answer = await matter
          .agent(matter.board)
          .post('/approvals', { task_id: matter.task, decision: 'approved', ...more });
        expect(answer).toMatchObject({ status: 409, body: { code: 'approval.ambiguous' } });
        for (const id of [later, other]) expect(answer.body.detail).toContain(id);
      }
      expect((await matter.all()).filter(({ status }) => status === 'pending')).toHaveLength(2);
    });

    it('400 unless the token names the role', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      const body = { task_id: matter.task, decision: 'approved' };
      const third = newSubject('third');
      const answer = await matter.agent([third, matter.to, matter.board]).post('/approvals', body);
      expect(outcomeOf(answer)).toBe('auth.role_ambiguous');
      for (const name of [matter.to, matter.board, id]) expect(answer.body.detail).toContain(name);
      const unasked = await matter.agent([matter.to, matter.board]).post('/approvals', body);
      expect(outcomeOf(unasked)).toBe('ok');
      expect((await matter.get(id)).status).toBe('pending');
    });
  });

  describe('PUT /sessions/:id with completed', () => {
    it.each(ways)(
      '409 while an approval of the worker is pending, unless it is withdrawn: %s',
      async (_, path, body) => {
        const matter = await Matter.open(mesh);
        const { worker, session } = await matter.claim();
        const own = await matter.ask({}, worker);
        const others = await matter.ask({ approver_role: newSubject('legal') });
        const refused = await worker.put(`/sessions/${session}${path}`, body);
        expect(refused).toMatchObject({ status: 409, body: { code: 'approval.pending' } });
        expect(refused.body.detail).toContain(own);
        expect(refused.body.detail).not.toContain(others);
        const no = { ...body, withdraw_pending: false };
        expect(outcomeOf(await worker.put(`/sessions/${session}${path}`, no))).toBe(
          'approval.pending',
        );
        expect((await matter.get(own)).status).toBe('pending');

        const key = { 'idempotency-key': newSubject('complete') };
        const yes = { ...body, withdraw_pending: true };
        const answers = await Promise.all(
          times(2, () => worker.put(`/sessions/${session}${path}`, yes, key)),
        );
        for (const answer of answers) {
          expect(answer).toMatchObject({
            status: 200,
            body: { withdrawn_approvals: [{ approval_id: own }, { approval_id: others }] },
          });
        }
        expect((await matter.get(own)).status).toBe('withdrawn');
      },
    );

    it('withdraws and lists the approvals that others requested', async () => {
      const matter = await Matter.open(mesh);
      const { worker, session } = await matter.claim();
      const id = await matter.ask();
      const done = await worker.put(`/sessions/${session}`, { status: 'completed' });
      expect(done).toMatchObject({
        status: 200,
        body: { withdrawn_approvals: [{ approval_id: id, approver_role: matter.board }] },
      });
    });

    it('409 for an admin while an approval of the worker or the admin is pending', async () => {
      for (const who of ['worker', 'admin']) {
        const matter = await Matter.open(mesh);
        const { worker, session } = await matter.claim();
        const admin = matter.agent(['admin', matter.from]);
        await matter.ask(
          { from_role: who === 'admin' ? matter.from : matter.to },
          who === 'admin' ? admin : worker,
        );
        expect(outcomeOf(await admin.put(`/sessions/${session}`, { status: 'completed' }))).toBe(
          'approval.pending',
        );
      }
    });

    it('409 names the required approval first', async () => {
      const matter = await Matter.requiring(mesh);
      const { worker, session } = await matter.claim();
      await matter.ask({ approver_role: newSubject('legal') }, worker);
      const body = { status: 'completed', withdraw_pending: true };
      expect(outcomeOf(await worker.put(`/sessions/${session}`, body))).toBe(
        'task.approval_required',
      );
    });

    it('does not withdraw an approval that is decided concurrently', async () => {
      for (let round = 0; round < 8; round++) {
        const matter = await Matter.open(mesh);
        const { worker, session } = await matter.claim();
        const id = await matter.ask({}, worker);
        const [done, decided] = await Promise.all([
          worker.put(`/sessions/${session}`, { status: 'completed' }),
          matter.decide(id),
        ]);
        expect(outcomeOf(decided)).toBe('ok');
        expect(['ok', 'approval.pending']).toContain(outcomeOf(done));
        expect((await matter.get(id)).status).toBe('approved');
      }
    });

    it.each([
      ['', { status: 'failed', withdraw_pending: true }],
      ['', { metadata: {}, withdraw_pending: true }],
      ['', { status: 'completed', withdraw_pending: 'yes' }],
      ['/events', { event: 'fail', withdraw_pending: true }],
    ])('400 with withdraw_pending: %s %j', async (path, body) => {
      const matter = await Matter.open(mesh);
      const { worker, session } = await matter.claim();
      expect(outcomeOf(await worker.put(`/sessions/${session}${path}`, body))).toBe(
        'request.invalid',
      );
    });
  });
});

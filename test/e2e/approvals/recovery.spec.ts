import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { type ApprovalBody, Matter, outcomesOf } from '../../support/approvals.js';
import { times } from '../../support/kit.js';
import type { Answer, Client } from '../../support/client.js';

let mesh: TestApp;

const outcome = (answer: Answer): string => outcomesOf([answer])[0] ?? '';

describe('the recovery of approvals', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  const eventOf = async (id: string, event_type: string) =>
    (
      await mesh.query<{ actor: string; role: string; metadata: Record<string, unknown> }>(
        `SELECT actor, role, metadata FROM audit_events WHERE approval_id = $1 AND event_type = $2`,
        [id.replace('approval-', ''), event_type],
      )
    )[0];

  describe('a recall', () => {
    const recall = (by: Client, id: string, body: object = {}) =>
      by.post<ApprovalBody>(`/approvals/${id}/recall`, body);

    async function delegated(more: Record<string, unknown> = {}) {
      const matter = await Matter.open(mesh);
      const id = await matter.ask(more);
      const legal = newSubject('legal');
      const board = matter.agent(matter.board);
      await board.post(`/approvals/${id}/delegate`, { role: legal, reason: 'x' });
      return { matter, id, legal, board };
    }

    it('gives the decision back to the role that delegated it, which may delegate it again', async () => {
      const { matter, id, legal, board } = await delegated();
      const { status, body } = await recall(board, id, { reason: 'We decide it' });
      expect({ status, body }).toMatchObject({
        status: 200,
        body: { approver_role: matter.board, delegated_from: null, status: 'pending' },
      });
      expect(await eventOf(id, 'approval_recalled')).toMatchObject({
        role: matter.board,
        metadata: { from: legal, to: matter.board, told: 'We decide it' },
      });
      expect(outcome(await matter.decide(id, 'approved', matter.agent(legal)))).toBe(
        'approval.not_found',
      );
      const other = { role: newSubject('cfo'), reason: 'x' };
      expect(outcome(await board.post(`/approvals/${id}/delegate`, other))).toBe('ok');
    });

    it('is for that role, and while nobody has voted', async () => {
      const { matter, id, legal, board } = await delegated({ quorum: 2 });
      for (const by of [matter.asker, matter.agent(legal), matter.agent('admin')]) {
        expect(outcome(await recall(by, id))).toBe('auth.forbidden');
      }
      expect(outcome(await recall(matter.agent('stranger'), id))).toBe('approval.not_found');
      await matter.decide(id, 'approved', matter.agent(legal));
      expect(outcome(await recall(board, id))).toBe('approval.recall_refused');
      await matter.decide(id, 'approved', matter.agent(legal));
      expect(outcome(await recall(board, id))).toBe('approval.decided');
    });

    it('is not for what was not delegated, nor by an excluded subject', async () => {
      const matter = await Matter.open(mesh);
      expect(outcome(await recall(matter.agent(matter.board), await matter.ask()))).toBe(
        'auth.forbidden',
      );
      const other = await delegated();
      const own = other.matter.agent(other.matter.board, other.matter.router);
      expect(outcome(await recall(own, other.id))).toBe('approval.four_eyes');
    });

    it('or the vote is the first, when both come at once', async () => {
      for (let round = 0; round < 8; round++) {
        const { matter, id, legal, board } = await delegated();
        const [recalled, voted] = await Promise.all([
          recall(board, id),
          matter.decide(id, 'approved', matter.agent(legal)),
        ]);
        expect([
          ['ok', 'approval.not_found'],
          ['ok', 'auth.forbidden'],
          ['approval.decided', 'ok'],
        ]).toContainEqual([outcome(recalled), outcome(voted)]);
      }
    });

    it('is refused while the role is asked something else', async () => {
      const { matter, id, board } = await delegated();
      await matter.ask({ payload: { other: true } });
      expect(outcome(await recall(board, id))).toBe('approval.pending_exists');
    });
  });

  describe('a change of a vote', () => {
    it('to a rejection settles the approval, and the audit log says what it was', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ quorum: 2 });
      const voter = matter.agent(matter.board);
      await matter.decide(id, 'approved', voter);
      expect(outcome(await matter.decide(id, 'approved', voter))).toBe('approval.voted');
      const changed = await matter.decide(id, 'rejected', voter);
      expect(changed.body).toMatchObject({ status: 'rejected', votes: 0 });
      expect(await eventOf(id, 'approval_decided')).toMatchObject({
        metadata: { decision: 'rejected', changed_from: 'approved' },
      });
    });

    it('works without naming the approval, and not after it was settled', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ quorum: 2 });
      const voter = matter.agent(matter.board);
      const say = (decision: string) =>
        voter.post('/approvals', { task_id: matter.task, decision, comments: 'x' });
      expect(outcome(await say('approved'))).toBe('ok');
      await matter.decide(id);
      expect(outcome(await matter.decide(id, 'rejected', voter))).toBe('approval.decided');
    });

    it('is no vote in another stage', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const both = matter.agent([matter.board, legal]);
      const id = await matter.ask({ stages: [matter.board, legal] });
      await matter.decide(id, 'approved', both);
      const next = (await matter.all())[1]?.id ?? '';
      expect(outcome(await matter.decide(next, 'rejected', both))).toBe('approval.voted');
    });

    it('and the last vote at the same time have one outcome', async () => {
      for (let round = 0; round < 8; round++) {
        const matter = await Matter.open(mesh);
        const id = await matter.ask({ quorum: 2 });
        const voter = matter.agent(matter.board);
        await matter.decide(id, 'approved', voter);
        const answers = await Promise.all([
          matter.decide(id, 'rejected', voter),
          matter.decide(id),
        ]);
        expect(outcomesOf(answers)).toEqual(['approval.decided', 'ok']);
        expect(
          (await matter.events(id)).filter((event) => event === 'approval_decided'),
        ).toHaveLength(1);
      }
    });
  });

  describe('a reassignment', () => {
    const reassign = (by: Client, id: string, role: string, reason = 'Nobody is left') =>
      by.post<ApprovalBody>(`/approvals/${id}/reassign`, { role, reason });

    it('gives the decision to another role, discards its votes and is audited with them', async () => {
      const matter = await Matter.requiring(mesh, { quorum: 2 });
      const { worker, session } = await matter.claim();
      const id = (await matter.all())[0]?.id ?? '';
      const voter = newSubject('voter');
      const cfo = newSubject('cfo');
      await matter.decide(id, 'approved', matter.agent(matter.board, voter));
      const moved = await reassign(matter.agent('admin', 'boss'), id, cfo);
      expect(moved.body).toMatchObject({
        approver_role: cfo,
        reassigned_from: matter.board,
        reassigned_by: 'agent-mesh-dev#boss',
        votes: 0,
        status: 'pending',
      });
      expect(await eventOf(id, 'approval_reassigned')).toMatchObject({
        role: 'admin',
        metadata: {
          from: matter.board,
          to: cfo,
          told: 'Nobody is left',
          discarded_votes: [{ subject: `agent-mesh-dev#${voter}`, decision: 'approved' }],
        },
      });
      expect(outcome(await matter.decide(id))).toBe('auth.forbidden');
      expect((await matter.decide(id, 'approved', matter.agent(cfo))).body.votes).toBe(1);
      await matter.decide(id, 'approved', matter.agent(cfo));
      expect(outcome(await worker.put(`/sessions/${session}`, { status: 'completed' }))).toBe('ok');
    });

    it('is for admins, with a reason, while it is pending', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      const admin = matter.agent('admin');
      const cfo = newSubject('cfo');
      for (const by of [matter.asker, matter.agent(matter.board), matter.agent('auditor')]) {
        expect(outcome(await reassign(by, id, cfo))).toBe('auth.forbidden');
      }
      for (const reason of ['', ' ', '\u200b']) {
        expect(outcome(await reassign(admin, id, cfo, reason))).toBe('request.invalid');
      }
      expect(outcome(await admin.post(`/approvals/${id}/reassign`, { role: cfo }))).toBe(
        'request.invalid',
      );
      expect(outcome(await reassign(admin, id, 'admin'))).toBe('request.invalid');
      await matter.decide(id);
      expect(outcome(await reassign(admin, id, cfo))).toBe('approval.decided');
    });

    it('keeps four eyes: of roles, of subjects and of the admin', async () => {
      const matter = await Matter.requiring(mesh);
      await matter.claim();
      const id = (await matter.all())[0]?.id ?? '';
      const admin = matter.agent('admin');
      for (const role of [matter.from, matter.to, matter.board]) {
        expect(outcome(await reassign(admin, id, role))).toBe('approval.delegation_refused');
      }
      const cfo = newSubject('cfo');
      const excluded = matter.agent('admin', matter.router);
      expect(outcome(await reassign(excluded, id, cfo))).toBe('approval.four_eyes');
      const both = newSubject('both');
      expect(outcome(await reassign(matter.agent('admin', both), id, cfo))).toBe('ok');
      expect(outcome(await matter.decide(id, 'approved', matter.agent(cfo, both)))).toBe(
        'approval.four_eyes',
      );
      expect(outcome(await matter.decide(id, 'approved', matter.agent(cfo)))).toBe('ok');
    });

    it('happens to a pending approval or not at all, when it is decided at once', async () => {
      for (let round = 0; round < 8; round++) {
        const matter = await Matter.open(mesh);
        const id = await matter.ask();
        const [moved, decided] = await Promise.all([
          reassign(matter.agent('admin'), id, newSubject('cfo')),
          matter.decide(id),
        ]);
        expect([
          ['ok', 'auth.forbidden'],
          ['approval.decided', 'ok'],
        ]).toContainEqual([outcome(moved), outcome(decided)]);
      }
    });
  });

  describe('a request that could mean several approvals', () => {
    it('of one role in two stages is refused, and names them', async () => {
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

    it('or an unasked decision is refused, unless the token says for which role', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      const body = { task_id: matter.task, decision: 'approved' };
      const third = newSubject('third');
      const answer = await matter.agent([third, matter.to, matter.board]).post('/approvals', body);
      expect(outcome(answer)).toBe('auth.role_ambiguous');
      for (const name of [matter.to, matter.board, id]) expect(answer.body.detail).toContain(name);
      const unasked = await matter.agent([matter.to, matter.board]).post('/approvals', body);
      expect(outcome(unasked)).toBe('ok');
      expect((await matter.get(id)).status).toBe('pending');
    });
  });

  describe('the completion of a task', () => {
    const ways = [
      ['PUT /sessions/{id}', '', { status: 'completed' }],
      ['PUT /sessions/{id}/events', '/events', { event: 'complete' }],
    ] as const;

    it.each(ways)('waits for what its worker asked, or withdraws it: %s', async (_, path, body) => {
      const matter = await Matter.open(mesh);
      const { worker, session } = await matter.claim();
      const own = await matter.ask({}, worker);
      const others = await matter.ask({ approver_role: newSubject('legal') });
      const refused = await worker.put(`/sessions/${session}${path}`, body);
      expect(refused).toMatchObject({ status: 409, body: { code: 'approval.pending' } });
      expect(refused.body.detail).toContain(own);
      expect(refused.body.detail).not.toContain(others);
      const no = { ...body, withdraw_pending: false };
      expect(outcome(await worker.put(`/sessions/${session}${path}`, no))).toBe('approval.pending');
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
    });

    it('lists what others asked, and withdraws it as before', async () => {
      const matter = await Matter.open(mesh);
      const { worker, session } = await matter.claim();
      const id = await matter.ask();
      const done = await worker.put(`/sessions/${session}`, { status: 'completed' });
      expect(done).toMatchObject({
        status: 200,
        body: { withdrawn_approvals: [{ approval_id: id, approver_role: matter.board }] },
      });
    });

    it('by an admin waits for what the worker or the admin asked', async () => {
      for (const who of ['worker', 'admin']) {
        const matter = await Matter.open(mesh);
        const { worker, session } = await matter.claim();
        const admin = matter.agent(['admin', matter.from]);
        await matter.ask(
          { from_role: who === 'admin' ? matter.from : matter.to },
          who === 'admin' ? admin : worker,
        );
        expect(outcome(await admin.put(`/sessions/${session}`, { status: 'completed' }))).toBe(
          'approval.pending',
        );
      }
    });

    it('is refused first for the approval that it requires', async () => {
      const matter = await Matter.requiring(mesh);
      const { worker, session } = await matter.claim();
      await matter.ask({ approver_role: newSubject('legal') }, worker);
      const body = { status: 'completed', withdraw_pending: true };
      expect(outcome(await worker.put(`/sessions/${session}`, body))).toBe(
        'task.approval_required',
      );
    });

    it('does not withdraw what was decided at the same time', async () => {
      for (let round = 0; round < 8; round++) {
        const matter = await Matter.open(mesh);
        const { worker, session } = await matter.claim();
        const id = await matter.ask({}, worker);
        const [done, decided] = await Promise.all([
          worker.put(`/sessions/${session}`, { status: 'completed' }),
          matter.decide(id),
        ]);
        expect(outcome(decided)).toBe('ok');
        expect(['ok', 'approval.pending']).toContain(outcome(done));
        expect((await matter.get(id)).status).toBe('approved');
      }
    });

    it.each([
      ['', { status: 'failed', withdraw_pending: true }],
      ['', { metadata: {}, withdraw_pending: true }],
      ['', { status: 'completed', withdraw_pending: 'yes' }],
      ['/events', { event: 'fail', withdraw_pending: true }],
    ])('only takes withdraw_pending where it belongs: %s %j', async (path, body) => {
      const matter = await Matter.open(mesh);
      const { worker, session } = await matter.claim();
      expect(outcome(await worker.put(`/sessions/${session}${path}`, body))).toBe(
        'request.invalid',
      );
    });
  });
});

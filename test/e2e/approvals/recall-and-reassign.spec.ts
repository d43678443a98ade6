import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { type ApprovalBody, Matter, outcomeOf, outcomesOf } from '../../support/approvals.js';
import { useSharedApp } from '../../support/kit.js';
import type { Client } from '../../support/client.js';

describe('recall, new votes and reassignment', () => {
  const mesh = useSharedApp();

  const eventOf = async (id: string, event_type: string) =>
    (
      await mesh.query<{ actor: string; role: string; metadata: Record<string, unknown> }>(
        `SELECT actor, role, metadata FROM audit_events WHERE approval_id = $1 AND event_type = $2`,
        [id.replace('approval-', ''), event_type],
      )
    )[0];

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

  const reassign = (by: Client, id: string, role: string, reason = 'Nobody is left') =>
    by.post<ApprovalBody>(`/approvals/${id}/reassign`, { role, reason });

  describe('POST /approvals/:id/recall', () => {
    it('returns the approval to the delegator, which may delegate it again', async () => {
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
      expect(outcomeOf(await matter.decide(id, 'approved', matter.agent(legal)))).toBe(
        'approval.not_found',
      );
      const other = { role: newSubject('cfo'), reason: 'x' };
      expect(outcomeOf(await board.post(`/approvals/${id}/delegate`, other))).toBe('ok');
    });

    it('403 for other roles, 409 after a vote', async () => {
      const { matter, id, legal, board } = await delegated({ quorum: 2 });
      for (const by of [matter.requester, matter.agent(legal), matter.agent('admin')]) {
        expect(outcomeOf(await recall(by, id))).toBe('auth.forbidden');
      }
      expect(outcomeOf(await recall(matter.agent('stranger'), id))).toBe('approval.not_found');
      await matter.decide(id, 'approved', matter.agent(legal));
      expect(outcomeOf(await recall(board, id))).toBe('approval.recall_refused');
      await matter.decide(id, 'approved', matter.agent(legal));
      expect(outcomeOf(await recall(board, id))).toBe('approval.decided');
    });

    it('403 when it was not delegated, and for an excluded subject', async () => {
      const matter = await Matter.open(mesh);
      expect(outcomeOf(await recall(matter.agent(matter.board), await matter.ask()))).toBe(
        'auth.forbidden',
      );
      const other = await delegated();
      const own = other.matter.agent(other.matter.board, other.matter.router);
      expect(outcomeOf(await recall(own, other.id))).toBe('approval.four_eyes');
    });

    it('either the recall or a concurrent vote succeeds', async () => {
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
        ]).toContainEqual([outcomeOf(recalled), outcomeOf(voted)]);
      }
    });

    it('409 while the role has another pending approval', async () => {
      const { matter, id, board } = await delegated();
      await matter.ask({ payload: { other: true } });
      expect(outcomeOf(await recall(board, id))).toBe('approval.pending_exists');
    });
  });

  describe('a second vote of a subject', () => {
    it('rejects the approval, with the first vote in the audit log', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ quorum: 2 });
      const voter = matter.agent(matter.board);
      await matter.decide(id, 'approved', voter);
      expect(outcomeOf(await matter.decide(id, 'approved', voter))).toBe('approval.voted');
      const changed = await matter.decide(id, 'rejected', voter);
      expect(changed.body).toMatchObject({ status: 'rejected', votes: 0 });
      expect(await eventOf(id, 'approval_decided')).toMatchObject({
        metadata: { decision: 'rejected', changed_from: 'approved' },
      });
    });

    it('is accepted by task, 409 after the decision', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ quorum: 2 });
      const voter = matter.agent(matter.board);
      const say = (decision: string) =>
        voter.post('/approvals', { task_id: matter.task, decision, comments: 'x' });
      expect(outcomeOf(await say('approved'))).toBe('ok');
      await matter.decide(id);
      expect(outcomeOf(await matter.decide(id, 'rejected', voter))).toBe('approval.decided');
    });

    it('409 in another stage', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const both = matter.agent([matter.board, legal]);
      const id = await matter.ask({ stages: [matter.board, legal] });
      await matter.decide(id, 'approved', both);
      const next = (await matter.all())[1]?.id ?? '';
      expect(outcomeOf(await matter.decide(next, 'rejected', both))).toBe('approval.voted');
    });

    it('has one outcome with a concurrent last vote', async () => {
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

  describe('POST /approvals/:id/reassign', () => {
    it('assigns another role, discards the votes and records them', async () => {
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
      expect(outcomeOf(await matter.decide(id))).toBe('auth.forbidden');
      expect((await matter.decide(id, 'approved', matter.agent(cfo))).body.votes).toBe(1);
      await matter.decide(id, 'approved', matter.agent(cfo));
      expect(outcomeOf(await worker.put(`/sessions/${session}`, { status: 'completed' }))).toBe(
        'ok',
      );
    });

    it('403 for other roles, 400 without a reason, 409 once decided', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      const admin = matter.agent('admin');
      const cfo = newSubject('cfo');
      for (const by of [matter.requester, matter.agent(matter.board), matter.agent('auditor')]) {
        expect(outcomeOf(await reassign(by, id, cfo))).toBe('auth.forbidden');
      }
      for (const reason of ['', ' ', '\u200b']) {
        expect(outcomeOf(await reassign(admin, id, cfo, reason))).toBe('request.invalid');
      }
      expect(outcomeOf(await admin.post(`/approvals/${id}/reassign`, { role: cfo }))).toBe(
        'request.invalid',
      );
      expect(outcomeOf(await reassign(admin, id, 'admin'))).toBe('request.invalid');
      await matter.decide(id);
      expect(outcomeOf(await reassign(admin, id, cfo))).toBe('approval.decided');
    });

    it('409 to an excluded role, 403 for an excluded admin or subject', async () => {
      const matter = await Matter.requiring(mesh);
      await matter.claim();
      const id = (await matter.all())[0]?.id ?? '';
      const admin = matter.agent('admin');
      for (const role of [matter.from, matter.to, matter.board]) {
        expect(outcomeOf(await reassign(admin, id, role))).toBe('approval.delegation_refused');
      }
      const cfo = newSubject('cfo');
      const excluded = matter.agent('admin', matter.router);
      expect(outcomeOf(await reassign(excluded, id, cfo))).toBe('approval.four_eyes');
      const both = newSubject('both');
      expect(outcomeOf(await reassign(matter.agent('admin', both), id, cfo))).toBe('ok');
      expect(outcomeOf(await matter.decide(id, 'approved', matter.agent(cfo, both)))).toBe(
        'approval.four_eyes',
      );
      expect(outcomeOf(await matter.decide(id, 'approved', matter.agent(cfo)))).toBe('ok');
    });

    it('either the reassignment or a concurrent decision comes first', async () => {
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
        ]).toContainEqual([outcomeOf(moved), outcomeOf(decided)]);
      }
    });
  });
});

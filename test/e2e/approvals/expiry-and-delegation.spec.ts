import { describe, expect, it } from '@jest/globals';
import { ApprovalExpiryService } from '../../../src/approvals/approval-expiry.service.js';
import { newSubject } from '../../support/app.js';
import { type ApprovalBody, Matter, outcomesOf } from '../../support/approvals.js';
import { times, useSharedApp } from '../../support/kit.js';
import type { Client } from '../../support/client.js';

describe('expiry, resubmission and delegation', () => {
  const mesh = useSharedApp();

  const resubmit = (matter: Matter, id: string, body = {}) =>
    matter.requester.post<ApprovalBody>(`/approvals/${id}/resubmit`, body);

  const delegate = (matter: Matter, id: string, role: string, by = matter.agent(matter.board)) =>
    by.post<ApprovalBody>(`/approvals/${id}/delegate`, { role, reason: 'A matter of contract' });

  describe('an expired approval', () => {
    it('409 for a decision; GET returns expired before the sweep', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ expires_in_seconds: 60 });
      await matter.lapse(id);

      expect(outcomesOf([await matter.decide(id)])).toEqual(['approval.expired']);
      expect((await matter.get(id)).status).toBe('expired');
      const listed = await matter.requester.get<{ approvals: ApprovalBody[] }>(
        `/approvals?task_id=${matter.task}&status=expired`,
      );
      expect(listed.body.approvals).toHaveLength(1);
      const pending = await matter.requester.get<{ approvals: ApprovalBody[] }>(
        `/approvals?task_id=${matter.task}&status=pending`,
      );
      expect(pending.body.approvals).toEqual([]);
    });

    it('is stored as expired once by concurrent sweeps', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      await matter.lapse(id);
      const expiry = mesh.app.get(ApprovalExpiryService);
      await Promise.all(times(5, () => expiry.sweep()));

      expect(await matter.events(id)).toEqual(['approval_requested', 'approval_expired']);
    });

    it('allows another request', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      await expect(matter.ask()).rejects.toThrow('approval.pending_exists');
      await matter.lapse(id);

      const next = await matter.ask();
      expect((await matter.decide(next)).body.status).toBe('approved');
      expect(await matter.events(id)).toEqual(['approval_requested', 'approval_expired']);
    });

    it.each([59, 2_592_001, 1.5])('400 with expires_in_seconds %j', async (expires_in_seconds) => {
      const matter = await Matter.open(mesh);
      await expect(matter.ask({ expires_in_seconds })).rejects.toThrow('request.invalid');
    });
  });

  describe('POST /approvals/:id/resubmit', () => {
    it('creates an approval at the first stage that names the superseded one', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const id = await matter.ask({ stages: [matter.board, legal], quorum: 1 });
      await matter.decide(id);
      const second = (await matter.all())[1]?.id ?? '';
      await matter.decide(second, 'rejected', matter.agent(legal));

      const resubmitted = await resubmit(matter, second, { payload: { amount: 40_000 } });
      expect(resubmitted.body).toMatchObject({
        status: 'pending',
        stage: 1,
        approver_role: matter.board,
        stages: [matter.board, legal],
        payload: { amount: 40_000 },
        supersedes: second,
      });
      expect(outcomesOf([await resubmit(matter, second)])).toEqual(['approval.superseded']);
    });

    it('409 unless it was rejected, withdrawn or expired', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      expect(outcomesOf([await resubmit(matter, id)])).toEqual(['approval.open']);
      await matter.lapse(id);
      const answers = await Promise.all(times(5, () => resubmit(matter, id)));
      expect(outcomesOf(answers)).toEqual([...times(4, () => 'approval.superseded'), 'ok']);
    });

    it('403 for roles other than the requester’s', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      await matter.decide(id, 'rejected');
      const path = `/approvals/${id}/resubmit`;
      const answers = [
        await matter.agent(matter.board).post(path, {}),
        await matter.agent('stranger').post(path, {}),
      ];
      expect(outcomesOf(answers)).toEqual(['approval.not_found', 'auth.forbidden']);
    });
  });

  describe('POST /approvals/:id/delegate', () => {
    it('the other role decides, the delegator reads', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const id = await matter.ask();
      const handed = await delegate(matter, id, legal);

      expect(handed.body).toMatchObject({ approver_role: legal, delegated_from: matter.board });
      expect(outcomesOf([await matter.decide(id)])).toEqual(['auth.forbidden']);
      expect((await matter.decide(id, 'approved', matter.agent(legal))).status).toBe(200);
      expect(await matter.events(id)).toEqual([
        'approval_requested',
        'approval_delegated',
        'approval_decided',
      ]);
    });

    it('the other role may read this task only', async () => {
      const matter = await Matter.open(mesh);
      const other = await Matter.open(mesh);
      const legal = newSubject('legal');
      await delegate(matter, await matter.ask(), legal);

      const reader = matter.agent(legal);
      expect((await reader.get(`/tasks/${matter.task}`)).status).toBe(200);
      expect((await reader.get(`/tasks/${other.task}`)).status).toBe(404);
    });

    it('delegates once for 10 concurrent requests', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      const answers = await Promise.all(times(10, () => delegate(matter, id, newSubject('legal'))));

      expect(outcomesOf(answers)).toEqual([...times(9, () => 'auth.forbidden'), 'ok']);
    });

    it('403, 404 and 409 for excluded callers, roles and states', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const id = await matter.ask({ quorum: 2 });
      const outcome = async (role: string, by?: Client) =>
        outcomesOf([await delegate(matter, id, role, by)])[0];

      expect(await outcome(matter.from)).toBe('approval.delegation_refused');
      expect(await outcome(matter.board)).toBe('approval.delegation_refused');
      expect(await outcome('admin')).toBe('request.invalid');
      expect(await outcome(legal, matter.requester)).toBe('auth.forbidden');
      expect(await outcome(legal, matter.agent('stranger'))).toBe('approval.not_found');
      await matter.ask({ approver_role: legal });
      expect(await outcome(legal)).toBe('approval.pending_exists');
      await matter.decide(id);
      expect(await outcome(newSubject('legal'))).toBe('approval.delegation_refused');
    });

    it('409 a second time', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const id = await matter.ask();
      await delegate(matter, id, legal);
      const back = await delegate(matter, id, matter.board, matter.agent(legal));
      expect(outcomesOf([back])).toEqual(['approval.delegation_refused']);
    });
  });
});

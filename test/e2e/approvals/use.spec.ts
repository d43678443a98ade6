import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApprovalExpiryService } from '../../../src/approvals/approval-expiry.service.js';
import { canonicalDigest } from '../../../src/http/canonical-json.js';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { type ApprovalBody, Matter, outcomesOf } from '../../support/approvals.js';
import { times } from '../../support/kit.js';
import type { Client } from '../../support/client.js';

let mesh: TestApp;

describe('the use of approvals', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  const use = (by: Client, id: string, digest: string | null) =>
    by.post<ApprovalBody>(`/approvals/${id}/consume`, { digest });

  async function approved(
    more: Record<string, unknown> = {},
  ): Promise<{ matter: Matter; id: string; digest: string }> {
    const matter = await Matter.open(mesh);
    const id = await matter.ask(more);
    const { body } = await matter.decide(id);
    return { matter, id, digest: body.digest ?? '' };
  }

  describe('what is approved', () => {
    it('is the task, where the ask does not say what', async () => {
      const matter = await Matter.open(mesh, { context: { quarter: 'Q4' } });
      const { payload, digest } = await matter.get(await matter.ask());

      expect(payload).toEqual({
        task_type: 'purchase',
        description: '',
        data: { amount: 50_000 },
        context: { quarter: 'Q4' },
      });
      expect(digest).toBe(canonicalDigest(payload ?? {}).toString('hex'));
    });

    it('has the digest that RFC 8785 gives it, however it is written', async () => {
      const payload = '{"z":1.0,"a":{"€":"\\u20ac","b":[1e2,-0]}}';
      const matter = await Matter.open(mesh);
      const asked = await matter.asker.post<{ approval_id: string }>(
        '/approvals',
        `{"task_id":"${matter.task}","approver_role":"${matter.board}","payload":${payload}}`,
      );
      const approval = await matter.get(asked.body.approval_id);

      expect(approval.digest).toBe(
        canonicalDigest({ a: { b: [100, 0], '€': '€' }, z: 1 }).toString('hex'),
      );
      expect(canonicalDigest(approval.payload ?? {}).toString('hex')).toBe(approval.digest);
    });

    it('is used once, by the role that asked while nobody holds the task', async () => {
      const { matter, id, digest } = await approved();
      const used = await use(matter.asker, id, digest);

      expect(used.status).toBe(200);
      expect(used.body.consumed_by).toContain(matter.router);
      const again = await use(matter.asker, id, digest);
      expect(again.body.code).toBe('approval.consumed');
      expect(again.body.detail).toContain(matter.router);
      expect((await matter.events(id)).at(-1)).toBe('approval_consumed');
    });

    it('is used by whoever holds the task, and by nobody else then', async () => {
      const { matter, id, digest } = await approved();
      const { worker } = await matter.claim();

      expect(outcomesOf([await use(matter.asker, id, digest)])).toEqual(['auth.forbidden']);
      expect(outcomesOf([await use(matter.agent(matter.to), id, digest)])).toEqual([
        'auth.forbidden',
      ]);
      expect(outcomesOf([await use(worker, id, digest)])).toEqual(['ok']);
    });

    it('is used once, when 50 do so at once', async () => {
      const { matter, id, digest } = await approved();
      const { worker } = await matter.claim();
      const answers = await Promise.all(times(50, () => use(worker, id, digest)));

      expect(outcomesOf(answers)).toEqual([...times(49, () => 'approval.consumed'), 'ok']);
      expect(
        (await matter.events(id)).filter((event) => event === 'approval_consumed'),
      ).toHaveLength(1);
    });

    it('is used once with a key, however often that is sent', async () => {
      const { matter, id, digest } = await approved();
      const headers = { 'idempotency-key': newSubject('use') };
      const answers = await Promise.all(
        times(5, () => matter.asker.post(`/approvals/${id}/consume`, { digest }, headers)),
      );
      expect(answers.map(({ status }) => status)).toEqual(times(5, () => 200));
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    });

    it('is nothing else, not by one byte', async () => {
      const { matter, id, digest } = await approved({ payload: { amount: 50_000 } });
      const other = canonicalDigest({ amount: 50_001 }).toString('hex');

      expect(outcomesOf([await use(matter.asker, id, other)])).toEqual([
        'approval.digest_mismatch',
      ]);
      expect((await use(matter.asker, id, other)).status).toBe(422);
      expect(outcomesOf([await use(matter.asker, id, digest)])).toEqual(['ok']);
    });

    it('is not used when its time is over', async () => {
      const { matter, id, digest } = await approved();
      await mesh.query(
        `UPDATE approvals SET consume_until = clock_timestamp() - interval '1 second' WHERE id = $1`,
        [id.replace('approval-', '')],
      );
      expect(outcomesOf([await use(matter.asker, id, digest)])).toEqual(['approval.lapsed']);
    });

    it('is nothing while it is pending, rejected, or before its last stage', async () => {
      const matter = await Matter.open(mesh);
      const digest = canonicalDigest({ amount: 1 }).toString('hex');
      const payload = { amount: 1 };
      const pending = await matter.ask({ payload });
      const outcome = async (id: string) => outcomesOf([await use(matter.asker, id, digest)]);

      expect(await outcome(pending)).toEqual(['approval.not_approved']);
      await matter.decide(pending, 'rejected');
      expect(await outcome(pending)).toEqual(['approval.not_approved']);
      const staged = await matter.ask({ payload, stages: [matter.board, newSubject('legal')] });
      await matter.decide(staged);
      expect(await outcome(staged)).toEqual(['approval.not_approved']);
    });

    it.each([undefined, '', 'x', 'A'.repeat(64), 7])('is not named by %j', async (digest) => {
      const { matter, id } = await approved();
      const answer = await matter.asker.post(`/approvals/${id}/consume`, { digest });
      expect(answer.body.code).toBe('request.invalid');
    });

    it('is hidden from those who take no part', async () => {
      const { matter, id, digest } = await approved();
      expect(outcomesOf([await use(matter.agent('stranger'), id, digest)])).toEqual([
        'approval.not_found',
      ]);
    });
  });

  describe('a decision that comes too late', () => {
    it('is refused, and readers see that it is too late before the sweep does', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ expires_in_seconds: 60 });
      await matter.lapse(id);

      expect(outcomesOf([await matter.decide(id)])).toEqual(['approval.expired']);
      expect((await matter.get(id)).status).toBe('expired');
      const listed = await matter.asker.get<{ approvals: ApprovalBody[] }>(
        `/approvals?task_id=${matter.task}&status=expired`,
      );
      expect(listed.body.approvals).toHaveLength(1);
      const pending = await matter.asker.get<{ approvals: ApprovalBody[] }>(
        `/approvals?task_id=${matter.task}&status=pending`,
      );
      expect(pending.body.approvals).toEqual([]);
    });

    it('is written down by the sweep once, on however many instances', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      await matter.lapse(id);
      const expiry = mesh.app.get(ApprovalExpiryService);
      await Promise.all(times(5, () => expiry.sweep()));

      expect(await matter.events(id)).toEqual(['approval_requested', 'approval_expired']);
    });

    it('makes way for another ask', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      await expect(matter.ask()).rejects.toThrow('approval.pending_exists');
      await matter.lapse(id);

      const next = await matter.ask();
      expect((await matter.decide(next)).body.status).toBe('approved');
      expect(await matter.events(id)).toEqual(['approval_requested', 'approval_expired']);
    });

    it.each([59, 2_592_001, 1.5])('is not set to %j seconds', async (expires_in_seconds) => {
      const matter = await Matter.open(mesh);
      await expect(matter.ask({ expires_in_seconds })).rejects.toThrow('request.invalid');
    });
  });

  describe('asking anew', () => {
    const resubmit = (matter: Matter, id: string, body = {}) =>
      matter.asker.post<ApprovalBody>(`/approvals/${id}/resubmit`, body);

    it('begins again from the first stage, and says what it is in place of', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const id = await matter.ask({ stages: [matter.board, legal], quorum: 1 });
      await matter.decide(id);
      const second = (await matter.all())[1]?.id ?? '';
      await matter.decide(second, 'rejected', matter.agent(legal));

      const anew = await resubmit(matter, second, { payload: { amount: 40_000 } });
      expect(anew.body).toMatchObject({
        status: 'pending',
        stage: 1,
        approver_role: matter.board,
        stages: [matter.board, legal],
        payload: { amount: 40_000 },
        supersedes: second,
      });
      expect(outcomesOf([await resubmit(matter, second)])).toEqual(['approval.superseded']);
    });

    it('is for what came to nothing', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      expect(outcomesOf([await resubmit(matter, id)])).toEqual(['approval.open']);
      await matter.lapse(id);
      const answers = await Promise.all(times(5, () => resubmit(matter, id)));
      expect(outcomesOf(answers)).toEqual([...times(4, () => 'approval.superseded'), 'ok']);
    });

    it('is for the role that asked', async () => {
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

  describe('handing a decision on', () => {
    const delegate = (matter: Matter, id: string, role: string, by = matter.agent(matter.board)) =>
      by.post<ApprovalBody>(`/approvals/${id}/delegate`, { role, reason: 'A matter of contract' });

    it('lets the other role decide, and the first one only watch', async () => {
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

    it('shows the other role this task and no other', async () => {
      const matter = await Matter.open(mesh);
      const other = await Matter.open(mesh);
      const legal = newSubject('legal');
      await delegate(matter, await matter.ask(), legal);

      const reader = matter.agent(legal);
      expect((await reader.get(`/tasks/${matter.task}`)).status).toBe(200);
      expect((await reader.get(`/tasks/${other.task}`)).status).toBe(404);
    });

    it('happens once, when 10 hand it on at once', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      const answers = await Promise.all(times(10, () => delegate(matter, id, newSubject('legal'))));

      expect(outcomesOf(answers)).toEqual([...times(9, () => 'auth.forbidden'), 'ok']);
    });

    it('is refused to those it is not for', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const id = await matter.ask({ quorum: 2 });
      const outcome = async (role: string, by?: Client) =>
        outcomesOf([await delegate(matter, id, role, by)])[0];

      expect(await outcome(matter.from)).toBe('approval.delegation_refused');
      expect(await outcome(matter.board)).toBe('approval.delegation_refused');
      expect(await outcome('admin')).toBe('request.invalid');
      expect(await outcome(legal, matter.asker)).toBe('auth.forbidden');
      expect(await outcome(legal, matter.agent('stranger'))).toBe('approval.not_found');
      await matter.ask({ approver_role: legal });
      expect(await outcome(legal)).toBe('approval.pending_exists');
      await matter.decide(id);
      expect(await outcome(newSubject('legal'))).toBe('approval.delegation_refused');
    });

    it('happens once for an approval', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const id = await matter.ask();
      await delegate(matter, id, legal);
      const back = await delegate(matter, id, matter.board, matter.agent(legal));
      expect(outcomesOf([back])).toEqual(['approval.delegation_refused']);
    });
  });
});

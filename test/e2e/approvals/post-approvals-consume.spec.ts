import { describe, expect, it } from '@jest/globals';
import { canonicalDigest } from '../../../src/http/canonical-json.js';
import { newSubject } from '../../support/app.js';
import { type ApprovalBody, Matter, outcomesOf } from '../../support/approvals.js';
import { times, useSharedApp } from '../../support/kit.js';
import type { Client } from '../../support/client.js';

describe('POST /approvals/:id/consume', () => {
  const mesh = useSharedApp();

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

  it('the payload is the task without a payload in the request', async () => {
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

  it('the digest follows RFC 8785', async () => {
    const payload = '{"z":1.0,"a":{"€":"\\u20ac","b":[1e2,-0]}}';
    const matter = await Matter.open(mesh);
    const asked = await matter.requester.post<{ approval_id: string }>(
      '/approvals',
      `{"task_id":"${matter.task}","approver_role":"${matter.board}","payload":${payload}}`,
    );
    const approval = await matter.get(asked.body.approval_id);

    expect(approval.digest).toBe(
      canonicalDigest({ a: { b: [100, 0], '€': '€' }, z: 1 }).toString('hex'),
    );
    expect(canonicalDigest(approval.payload ?? {}).toString('hex')).toBe(approval.digest);
  });

  it('the requester role consumes once while the task is not claimed', async () => {
    const { matter, id, digest } = await approved();
    const used = await use(matter.requester, id, digest);

    expect(used.status).toBe(200);
    expect(used.body.consumed_by).toContain(matter.router);
    const again = await use(matter.requester, id, digest);
    expect(again.body.code).toBe('approval.consumed');
    expect(again.body.detail).toContain(matter.router);
    expect((await matter.events(id)).at(-1)).toBe('approval_consumed');
  });

  it('the agent that claimed the task consumes, 403 for others', async () => {
    const { matter, id, digest } = await approved();
    const { worker } = await matter.claim();

    for (const other of [matter.requester, matter.agent(matter.to)]) {
      const { status, body } = await use(other, id, digest);
      expect([status, body.code]).toEqual([403, 'auth.forbidden']);
      expect(body.detail).toBe('While an agent holds the task, only that agent can consume.');
    }
    expect(outcomesOf([await use(matter.agent('stranger'), id, digest)])).toEqual([
      'approval.not_found',
    ]);
    expect(outcomesOf([await use(worker, id, digest)])).toEqual(['ok']);
  });

  it('consumes once for 50 concurrent requests', async () => {
    const { matter, id, digest } = await approved();
    const { worker } = await matter.claim();
    const answers = await Promise.all(times(50, () => use(worker, id, digest)));

    expect(outcomesOf(answers)).toEqual([...times(49, () => 'approval.consumed'), 'ok']);
    expect((await matter.events(id)).filter((event) => event === 'approval_consumed')).toHaveLength(
      1,
    );
  });

  it('consumes once with an idempotency key', async () => {
    const { matter, id, digest } = await approved();
    const headers = { 'idempotency-key': newSubject('use') };
    const answers = await Promise.all(
      times(5, () => matter.requester.post(`/approvals/${id}/consume`, { digest }, headers)),
    );
    expect(answers.map(({ status }) => status)).toEqual(times(5, () => 200));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });

  it('422 when the digest does not match the payload', async () => {
    const { matter, id, digest } = await approved({ payload: { amount: 50_000 } });
    const other = canonicalDigest({ amount: 50_001 }).toString('hex');

    expect(outcomesOf([await use(matter.requester, id, other)])).toEqual([
      'approval.digest_mismatch',
    ]);
    expect((await use(matter.requester, id, other)).status).toBe(422);
    expect(outcomesOf([await use(matter.requester, id, digest)])).toEqual(['ok']);
  });

  it('409 after consume_until', async () => {
    const { matter, id, digest } = await approved();
    await mesh.query(
      `UPDATE approvals SET consume_until = clock_timestamp() - interval '1 second' WHERE id = $1`,
      [id.replace('approval-', '')],
    );
    expect(outcomesOf([await use(matter.requester, id, digest)])).toEqual(['approval.lapsed']);
  });

  it('409 while pending, rejected or before the last stage', async () => {
    const matter = await Matter.open(mesh);
    const digest = canonicalDigest({ amount: 1 }).toString('hex');
    const payload = { amount: 1 };
    const pending = await matter.ask({ payload });
    const outcome = async (id: string) => outcomesOf([await use(matter.requester, id, digest)]);

    expect(await outcome(pending)).toEqual(['approval.not_approved']);
    await matter.decide(pending, 'rejected');
    expect(await outcome(pending)).toEqual(['approval.not_approved']);
    const staged = await matter.ask({ payload, stages: [matter.board, newSubject('legal')] });
    await matter.decide(staged);
    expect(await outcome(staged)).toEqual(['approval.not_approved']);
  });

  it.each([undefined, '', 'x', 'A'.repeat(64), 7])('400 with the digest %j', async (digest) => {
    const { matter, id } = await approved();
    const answer = await matter.requester.post(`/approvals/${id}/consume`, { digest });
    expect(answer.body.code).toBe('request.invalid');
  });

  it('404 for an unrelated caller', async () => {
    const { matter, id, digest } = await approved();
    expect(outcomesOf([await use(matter.agent('stranger'), id, digest)])).toEqual([
      'approval.not_found',
    ]);
  });
});

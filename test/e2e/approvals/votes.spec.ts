import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import { type ApprovalBody, Matter, outcomesOf } from '../../support/approvals.js';
import { times } from '../../support/kit.js';

let mesh: TestApp;

describe('votes', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
  });

  afterAll(() => mesh.close());

  describe('quorum', () => {
    it('approves after the votes of as many subjects', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ quorum: 2 });

      const first = await matter.decide(id);
      expect(first.body).toMatchObject({
        status: 'pending',
        quorum: 2,
        votes: 1,
        decided_by: null,
      });
      const second = await matter.decide(id);
      expect(second.body).toMatchObject({ status: 'approved', votes: 2 });
      expect(await matter.events(id)).toEqual([
        'approval_requested',
        'approval_voted',
        'approval_decided',
      ]);
    });

    it('counts one vote per subject', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ quorum: 2 });
      const voter = matter.agent(matter.board);

      expect((await matter.decide(id, 'approved', voter)).status).toBe(200);
      expect(outcomesOf([await matter.decide(id, 'approved', voter)])).toEqual(['approval.voted']);
      expect(await matter.get(id)).toMatchObject({ status: 'pending', votes: 1 });
    });

    it('rejects after one rejection', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ quorum: 3 });
      await matter.decide(id);

      expect((await matter.decide(id, 'rejected')).body).toMatchObject({
        status: 'rejected',
        notes: 'So be it',
        consume_until: null,
      });
      expect(outcomesOf([await matter.decide(id)])).toEqual(['approval.decided']);
    });

    it.each([1, 2, 3])('of %i counts exactly that many of 20 concurrent votes', async (quorum) => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ quorum });
      const answers = await Promise.all(times(20, () => matter.decide(id)));

      const refused = times(20 - quorum, () => 'approval.decided');
      expect(outcomesOf(answers)).toEqual([...refused, ...times(quorum, () => 'ok')]);
      expect(await matter.get(id)).toMatchObject({ status: 'approved', votes: quorum });
      expect(
        (await matter.events(id)).filter((event) => event === 'approval_decided'),
      ).toHaveLength(1);
    });

    it.each([0, 21, 1.5, '2'])('400 with the quorum %j', async (quorum) => {
      const matter = await Matter.open(mesh);
      await expect(matter.ask({ quorum })).rejects.toThrow('request.invalid');
    });
  });

  describe('stages', () => {
    it('open one after the other', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const id = await matter.ask({ stages: [matter.board, legal], payload: { amount: 7 } });

      expect((await matter.decide(id)).body).toMatchObject({
        status: 'approved',
        consume_until: null,
      });
      const [first, second] = await matter.all();
      expect(first).toMatchObject({ stage: 1, approver_role: matter.board });
      expect(second).toMatchObject({
        stage: 2,
        approver_role: legal,
        status: 'pending',
        chain_id: first?.id,
        payload: { amount: 7 },
        digest: first?.digest,
      });
      const last = await matter.decide(second?.id ?? '', 'approved', matter.agent(legal));
      expect(last.body.status).toBe('approved');
      expect(last.body.consume_until).not.toBeNull();
      expect(await matter.all()).toHaveLength(2);
    });

    it('end with the first rejection', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ stages: [matter.board, newSubject('legal')] });
      await matter.decide(id, 'rejected');

      expect(await matter.all()).toHaveLength(1);
    });

    it('accept a vote of a subject in one stage only', async () => {
      const matter = await Matter.open(mesh);
      const legal = newSubject('legal');
      const id = await matter.ask({ stages: [matter.board, legal] });
      const both = matter.agent([matter.board, legal]);
      await matter.decide(id, 'approved', both);

      const next = (await matter.all())[1]?.id ?? '';
      expect(outcomesOf([await matter.decide(next, 'approved', both)])).toEqual(['approval.voted']);
    });

    it('open once after concurrent approvals of the stage before', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask({ stages: [matter.board, newSubject('legal')], quorum: 2 });
      await Promise.all(times(10, () => matter.decide(id)));

      expect((await matter.all()).map(({ stage, status }) => [stage, status])).toEqual([
        [1, 'approved'],
        [2, 'pending'],
      ]);
    });

    it.each([
      { stages: [] },
      { stages: ['admin'] },
      { stages: 'legal' },
      { stages: [1] },
      { stages: times(9, () => 'legal') },
      { stages: ['legal'], approver_role: 'legal' },
    ])('400 with the stages %j', async (body) => {
      const matter = await Matter.open(mesh);
      await expect(matter.ask(body)).rejects.toThrow('request.invalid');
    });
  });

  describe('POST /approvals/:id/decision', () => {
    it('400 for a rejection without comments', async () => {
      const matter = await Matter.open(mesh);
      const id = await matter.ask();
      for (const comments of [undefined, '', '  ']) {
        const answer = await matter
          .agent(matter.board)
          .post(`/approvals/${id}/decision`, { decision: 'rejected', comments });
        expect(outcomesOf([answer])).toEqual(['request.invalid']);
      }
      expect((await matter.get(id)).status).toBe('pending');
    });

    it.each(['quorum', 'stages', 'payload', 'expires_in_seconds', 'from_role'])(
      '400 with a member of a request: %s',
      async (name) => {
        const matter = await Matter.open(mesh);
        const values: Record<string, unknown> = {
          stages: ['legal'],
          payload: {},
          from_role: 'legal',
        };
        const answer = await matter.agent(matter.to).post('/approvals', {
          task_id: matter.task,
          decision: 'approved',
          [name]: values[name] ?? 100,
        });
        expect(answer.body).toMatchObject({
          code: 'request.invalid',
          errors: [{ pointer: `/${name}` }],
        });
      },
    );

    it('403 with another role of the requester’s token', async () => {
      const matter = await Matter.open(mesh);
      const sub = newSubject('both');
      const both = matter.agent([matter.from, matter.board], sub);
      const id = await matter.ask({ from_role: matter.from }, both);

      expect(
        outcomesOf([await matter.decide(id, 'approved', matter.agent(matter.board, sub))]),
      ).toEqual(['approval.four_eyes']);
    });
  });

  describe('GET /approvals and GET /metrics', () => {
    it('list pending approvals by role', async () => {
      const matter = await Matter.open(mesh);
      const id = (await matter.ask({ quorum: 2 })).replace('approval-', '');
      const voter = matter.agent(matter.board);
      const listOf = async (by: typeof voter, filter: string): Promise<string[]> => {
        const { body } = await by.get<{ approvals: ApprovalBody[] }>(`/approvals?${filter}`);
        return body.approvals.map((approval) => approval.id);
      };

      expect(await listOf(voter, 'waiting_for=me')).toEqual([id]);
      expect(await listOf(matter.agent(matter.board, matter.router), 'waiting_for=me')).toEqual([]);
      expect(await listOf(matter.requester, 'asked_by=me')).toEqual([id]);
      expect(await listOf(voter, 'asked_by=me')).toEqual([]);
      await matter.decide(id, 'approved', voter);
      expect(await listOf(voter, 'waiting_for=me')).toEqual([]);
      expect(await listOf(matter.agent(matter.board), 'waiting_for=me')).toEqual([id]);
      expect((await voter.get('/approvals?waiting_for=bob')).status).toBe(400);
    });

    it('count pending approvals by role', async () => {
      const matter = await Matter.open(mesh);
      await matter.ask();
      const { text } = await matter.agent('admin').get('/metrics');
      expect(text).toContain(`mesh_approvals_pending{role="${matter.board}"} 1`);
      expect(text).toContain('mesh_approval_decision_seconds_bucket');
    });

    it('name at most 100 roles in the metrics, and count the others together', async () => {
      const matter = await Matter.open(mesh);
      const task = matter.task.replace('task-', '');
      await mesh.query(
        `INSERT INTO approvals (id, task_id, approver_role, status, chain_id, stages, expires_at)
         SELECT id, $1, 'crowd-' || n, 'pending', id, ARRAY['crowd-' || n], now() + interval '1 hour'
           FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 150) n) made`,
        [task],
      );
      const { text } = await matter.agent('admin').get('/metrics');
      await mesh.query(`UPDATE approvals SET status = 'withdrawn' WHERE task_id = $1`, [task]);
      const series = [...text.matchAll(/^mesh_approvals_pending\{role="(.*)"\} (\d+)$/gm)];
      expect(series).toHaveLength(101);
      const other = series.find(([, role]) => role === 'other');
      expect(Number(other?.[2])).toBeGreaterThanOrEqual(50);
    });
  });
});

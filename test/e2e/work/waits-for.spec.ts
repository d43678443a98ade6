import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Matter, onlyApprovalOf } from '../../support/approvals.js';
import { McpAgents } from '../../support/mcp.js';
import {
  ageBy,
  endDeadline,
  endLease,
  finish,
  Team,
  type TimelineBody,
} from '../../support/work.js';

describe('waits_for of a task', () => {
  let mesh: TestApp;
  let team: Team;

  beforeAll(async () => {
    mesh = await startTestApp();
  });

  beforeEach(() => {
    team = new Team(mesh);
  });

  afterAll(() => mesh.close());

  const read = async (sql: string, id: string): Promise<string | undefined> =>
    (await mesh.query<{ at: Date }>(sql, [id]))[0]?.at.toISOString();

  describe('of an attempt, before a sweep', () => {
    it('waits for a claim since the lease of its worker ended', async () => {
      const id = await team.route();
      const { session } = await team.claim();
      expect(await team.waitsFor(id)).toMatchObject([{ what: 'worker' }]);
      await endLease(mesh, session.id);
      const since = await read(
        'SELECT lease_expires_at AS at FROM sessions WHERE id = $1',
        session.id,
      );
      expect(await team.waitsFor(id)).toEqual([{ what: 'claim', who: team.role, since }]);
    });

    it('waits for its worker again after a late heartbeat', async () => {
      const id = await team.route();
      const worker = team.worker();
      const { session } = await team.claim(worker);
      await endLease(mesh, session.id);
      await worker.post(`/sessions/${session.id}/heartbeat`, {});
      expect(await team.waitsFor(id)).toMatchObject([{ what: 'worker', who: session.claimed_by }]);
    });

    it('waits for nobody when the lease of its last attempt ended', async () => {
      const id = await team.route({ max_attempts: 1 });
      const { session } = await team.claim();
      await endLease(mesh, session.id);
      expect(await team.waitsFor(id)).toEqual([]);
    });

    it.each([false, true])(
      'waits for nobody past its deadline (claimed: %s)',
      async (isClaimed) => {
        const deadline_at = new Date(Date.now() + 3_600_000).toISOString();
        const id = await team.route({
          deadline_at,
          requires_approval: { role: newSubject('board') },
        });
        if (isClaimed) await team.claim();
        expect(await team.waitsFor(id)).toHaveLength(2);
        await endDeadline(mesh, id);
        expect(await team.waitsFor(id)).toEqual([]);
      },
    );

    it('waits for a claim past its run limit', async () => {
      const id = await team.route({ max_run_seconds: 3_600 });
      const { session } = await team.claim();
      await mesh.query(
        `UPDATE sessions SET run_until = clock_timestamp() - interval '1 second' WHERE id = $1`,
        [session.id],
      );
      expect(await team.waitsFor(id)).toMatchObject([{ what: 'claim', who: team.role }]);
    });

    it('waits for nobody past its retention', async () => {
      const id = await team.route();
      await ageBy(mesh, id, 400);
      expect(await team.waitsFor(id)).toEqual([]);
    });

    it('does not wait for an approval that expired', async () => {
      const matter = await Matter.open(mesh);
      await matter.lapse(await matter.ask());
      expect(await waits(matter)).toMatchObject([{ what: 'claim' }]);
    });
  });

  describe('with a required approval', () => {
    const settled = (column: string): string =>
      `SELECT ${column} AS at FROM approvals WHERE id = $1`;

    /** Why the requirement is neither met nor pending, and the column with the time of that. */
    const reasons: [string, string, (matter: Matter, id: string) => Promise<unknown>][] = [
      ['expired', 'expires_at', (matter, id) => matter.lapse(id)],
      ['was rejected', 'decision_at', (matter, id) => matter.decide(id, 'rejected')],
      [
        'was withdrawn',
        'decision_at',
        (matter, id) => matter.requester.post(`/approvals/${id}/withdraw`, {}),
      ],
      [
        'was consumed for another purpose',
        'consumed_at',
        async (matter, id) => {
          await matter.decide(id);
          const { digest } = await matter.get(id);
          const used = await matter.requester.post(`/approvals/${id}/consume`, { digest });
          expect(used.status).toBe(200);
        },
      ],
    ];

    it.each(reasons)('waits for its role when it %s', async (_, column, happen) => {
      const matter = await Matter.requiring(mesh);
      const id = await onlyApprovalOf(matter);
      await happen(matter, id);
      const since = await read(settled(column), id);
      const unasked = { what: 'approval', who: matter.board, since };
      expect(await waits(matter)).toEqual([expect.objectContaining({ what: 'claim' }), unasked]);
      await matter.claim();
      expect(await waits(matter)).toEqual([expect.objectContaining({ what: 'worker' }), unasked]);
    });

    it('waits for the pending approval by its id, and for nothing once it is met', async () => {
      const matter = await Matter.requiring(mesh);
      const id = await onlyApprovalOf(matter);
      const pending = { what: 'approval', who: matter.board, approval_id: id };
      expect(await waits(matter)).toMatchObject([{ what: 'claim' }, pending]);
      await matter.decide(id);
      expect(await waits(matter)).toMatchObject([{ what: 'claim' }]);
      const { worker, session } = await matter.claim();
      expect(await waits(matter)).toMatchObject([{ what: 'worker' }]);
      expect((await finish(worker, session)).status).toBe(200);
      expect(await waits(matter)).toEqual([]);
    });

    it('waits for the approval that was requested again alone', async () => {
      const matter = await Matter.requiring(mesh);
      await matter.decide(await onlyApprovalOf(matter), 'rejected');
      const again = (await matter.ask()).replace('approval-', '');
      expect(await waits(matter)).toMatchObject([
        { what: 'claim' },
        { what: 'approval', who: matter.board, approval_id: again },
      ]);
    });

    it('waits for the approval that a retry after a cancel requests', async () => {
      const matter = await Matter.requiring(mesh);
      const first = await onlyApprovalOf(matter);
      await matter.requester.post(`/tasks/${matter.task}/cancel`, {});
      expect(await waits(matter)).toEqual([]);
      const retried = await matter.requester.post(`/tasks/${matter.task}/retry`, {});
      expect(retried.status).toBe(200);
      const [claim, pending, ...more] = await waits(matter);
      expect(claim).toMatchObject({ what: 'claim' });
      expect(pending).toMatchObject({ what: 'approval', approval_id: expect.any(String) });
      expect(pending?.approval_id).not.toBe(first);
      expect(more).toEqual([]);
    });

    it('waits for the pending approval of the role that it was delegated to', async () => {
      const matter = await Matter.requiring(mesh);
      const id = await onlyApprovalOf(matter);
      const role = newSubject('deputy');
      const delegated = await matter
        .agent(matter.board)
        .post(`/approvals/${id}/delegate`, { role, reason: 'Yours' });
      expect(delegated.text).toContain(role);
      expect(await waits(matter)).toMatchObject([
        { what: 'claim' },
        { what: 'approval', who: role, approval_id: id },
      ]);
    });

    it('waits for its role beside a pending approval that cannot meet it', async () => {
      const matter = await Matter.requiring(mesh, { quorum: 2 });
      await matter.requester.post(`/approvals/${await onlyApprovalOf(matter)}/withdraw`, {});
      const other = (await matter.ask({ quorum: 1 })).replace('approval-', '');
      const [claim, pending, unasked, ...more] = await waits(matter);
      expect(claim).toMatchObject({ what: 'claim' });
      expect(pending).toMatchObject({ what: 'approval', approval_id: other });
      expect(unasked).toEqual({ what: 'approval', who: matter.board, since: expect.any(String) });
      expect(more).toEqual([]);
    });

    it('waits for its role since the routing when it was never asked', async () => {
      const matter = await Matter.open(mesh);
      const task = matter.task.replace('task-', '');
      await mesh.query(`UPDATE tasks SET requires_approval = $2 WHERE id = $1`, [
        task,
        JSON.stringify({ role: matter.board, quorum: 1, expires_in_seconds: 3_600 }),
      ]);
      const since = await read('SELECT created_at AS at FROM tasks WHERE id = $1', task);
      expect(await waits(matter)).toEqual([
        expect.objectContaining({ what: 'claim' }),
        { what: 'approval', who: matter.board, since },
      ]);
    });
  });

  it('is the same for fetch_status', async () => {
    const matter = await Matter.requiring(mesh);
    const [asked] = await matter.all();
    await matter.lapse(asked?.id ?? '');
    const { session } = await matter.claim();
    await endLease(mesh, session);
    const agents = new McpAgents('http', mesh.url);
    const agent = await agents.agent(tokenFor(matter.from));
    const { waits_for } = await agent.does<TimelineBody>('fetch_status', { id: matter.task });
    await agent.close();
    await agents.close();
    expect(waits_for).toEqual(await waits(matter));
    expect(waits_for).toMatchObject([
      { what: 'claim', who: matter.to },
      { what: 'approval', who: matter.board },
    ]);
  });

  async function waits(matter: Matter): Promise<TimelineBody['waits_for']> {
    return (await matter.requester.get<TimelineBody>(`/tasks/${matter.task}/timeline`)).body
      .waits_for;
  }
});

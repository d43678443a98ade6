import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { TestApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import {
  brokenRules,
  type ClaimedBody,
  RETRYABLE_FAILURE,
  finish,
  Team,
  type TimelineBody,
  type Written,
} from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

describe('POST /sessions/:id/release', () => {
  let mesh: TestApp;
  let team: Team;
  let worker: Client;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
    worker = team.worker();
  });

  const release = (session: string, body: unknown = {}, by = worker) =>
    by.post<Written>(`/sessions/${session}/release`, body);

  const claimById = (id: string, by = worker) => by.post<ClaimedBody>(`/tasks/${id}/claim`, {});

  it('keeps the position in the inbox', async () => {
    const [first, second] = [await team.route(), await team.route()];
    for (let n = 0; n < 3; n += 1) {
      const { task, session } = await team.claim(worker);
      expect(task.id).toBe(first);
      await release(session.id);
    }
    const { body } = await worker.get<{ tasks: { id: string }[] }>(
      `/tasks?to_role=${team.role}&status=pending`,
    );
    expect(body.tasks.map(({ id }) => id)).toEqual([first, second]);
    const page = await worker.get<{ tasks: { id: string }[]; next_cursor: string }>(
      `/tasks?to_role=${team.role}&status=pending&page_size=1`,
    );
    const next = await worker.get<{ tasks: { id: string }[] }>(
      `/tasks?to_role=${team.role}&status=pending&cursor=${page.body.next_cursor}`,
    );
    expect(next.body.tasks.map(({ id }) => id)).toEqual([second]);
    const ofType = await team.claim(worker, { task_types: ['review'] });
    expect(ofType.task.id).toBe(first);
  });

  it('delays the task with not_before', async () => {
    const id = await team.route();
    const { session } = await team.claim(worker);
    const not_before = inSeconds(3600);
    expect((await release(session.id, { not_before, reason: 'Not yet' })).status).toBe(200);
    const refused = await claimById(id);
    expect([refused.status, refused.body]).toMatchObject([409, { code: 'task.not_due' }]);
    const task = await team.task(id);
    expect(task.attempts.at(-1)).toMatchObject({ not_before, parked_until_approval: null });
    expect(await team.waitsFor(id)).toMatchObject([{ what: 'due_time' }]);
    const { body } = await worker.get<TimelineBody>(`/tasks/${id}/timeline`);
    expect(body.events.at(-2)).toMatchObject({
      event: 'task_released',
      told: 'Not yet',
      not_before,
    });
  });

  it.each([
    [{ not_before: inSeconds(-1) }, '/not_before'],
    [{ not_before: inSeconds(7200) }, '/not_before'],
    [{ not_before: '2036-01-31' }, '/not_before'],
    [{ not_before: 7 }, '/not_before'],
    [{ until_approval: 'x' }, '/until_approval'],
    [{ until_approval: randomUUID(), not_before: inSeconds(60) }, '/until_approval'],
  ])('400 with %j', async (body, pointer) => {
    const id = await team.route({ deadline_at: inSeconds(3600) });
    const { session } = await team.claim(worker);
    const refused = await release(session.id, body);
    expect([refused.status, refused.body]).toMatchObject([
      400,
      { code: 'request.invalid', errors: [{ pointer }] },
    ]);
    expect((await team.task(id)).status).toBe('active');
  });

  it('409 after 100 releases of a task', async () => {
    const id = await team.route({ max_attempts: 2 });
    for (let n = 0; n < 100; n += 1) {
      const { session } = await team.claim(worker);
      expect((await release(session.id)).status).toBe(200);
    }
    const { session } = await team.claim(worker);
    const refused = await release(session.id, { not_before: inSeconds(60) });
    expect([refused.status, refused.body.code]).toEqual([409, 'task.release_limit']);
    expect((await team.task(id)).status).toBe('active');
    expect((await finish(worker, session.id, RETRYABLE_FAILURE)).status).toBe(200);
  });

  describe('until an approval is decided', () => {
    const board = 'board';
    const ask = async (id: string, more: Record<string, unknown> = {}): Promise<string> => {
      const stages = more.stages === undefined ? { approver_role: board } : {};
      const asked = await worker.post<{ approval_id: string }>('/approvals', {
        ...{ task_id: id, reason: 'May I?', payload: { n: randomUUID() } },
        ...stages,
        ...more,
      });
      if (asked.status !== 202) throw new Error(asked.text);
      return asked.body.approval_id;
    };
    const decide = (id: string, decision: string, role = board) =>
      team.agent(role).post(`/approvals/${id}/decision`, { decision, comments: 'So be it' });

    async function parked(more: Record<string, unknown> = {}): Promise<[string, string]> {
      const id = await team.route();
      const { session } = await team.claim(worker);
      const approval = await ask(id, more);
      const released = await release(session.id, { until_approval: approval });
      expect(released.status).toBe(200);
      return [id, approval];
    }

    it('is not due before, and names the approval', async () => {
      const [id, approval] = await parked();
      const bare = approval.slice('approval-'.length);
      expect((await claimById(id)).status).toBe(409);
      expect(await team.waitsFor(id)).toMatchObject([
        { what: 'approval', who: board, approval_id: bare },
      ]);
      expect(await team.task(id)).toMatchObject({
        parked_until_approval: bare,
        attempts: [{}, { parked_until_approval: bare, status: 'pending' }],
      });
    });

    it.each(['approved', 'rejected'])(
      'is due once it is %s, and notifies waiting agents',
      async (how) => {
        const [id, approval] = await parked();
        const waiting = worker.get<{ pending: number }>('/tasks/wait?wait_seconds=20');
        const decided = await decide(approval, how);
        expect(decided.status).toBe(200);
        expect((await waiting).status).toBe(200);
        expect((await claimById(id)).body.task.id).toBe(id);
        expect(await team.events(id)).toEqual(
          expect.arrayContaining(['task_released released', 'attempt_due']),
        );
        expect(await brokenRules(mesh)).toEqual([]);
      },
    );

    it('is due once it is withdrawn', async () => {
      const [id, approval] = await parked();
      expect((await worker.post(`/approvals/${approval}/withdraw`, {})).status).toBe(200);
      expect((await claimById(id)).status).toBe(200);
    });

    it('is due once it expires, without a sweep', async () => {
      const [id, approval] = await parked({ expires_in_seconds: 60 });
      const [attempt] = await mesh.query<{ same: boolean }>(
        `SELECT abs(extract(epoch FROM s.not_before - a.expires_at)) < 0.01 AS same
           FROM sessions s JOIN approvals a ON a.id = s.parked_for
          WHERE s.task_id = $1 AND s.status = 'pending' AND a.id = $2`,
        [id, approval.slice('approval-'.length)],
      );
      expect(attempt?.same).toBe(true);
    });

    it('waits for the last stage', async () => {
      const [id, first] = await parked({ stages: ['one', 'two'] });
      expect((await decide(first, 'approved', 'one')).status).toBe(200);
      expect((await claimById(id)).status).toBe(409);
      const { approvals, attempts } = await team.task(id);
      const second = approvals.find(({ stage }) => stage === 2);
      expect(attempts.at(-1)?.not_before).toBe(second?.expires_at);
      expect((await decide(`approval-${second?.id ?? ''}`, 'approved', 'two')).status).toBe(200);
      expect((await claimById(id)).status).toBe(200);
      expect(await brokenRules(mesh)).toEqual([]);
    });

    it('is due at once when it is already decided', async () => {
      const id = await team.route();
      await team.route();
      const { session } = await team.claim(worker);
      const approval = await ask(id);
      await decide(approval, 'approved');
      expect((await release(session.id, { until_approval: approval })).status).toBe(200);
      expect((await team.claim(worker)).task.id).toBe(id);
    });

    it.each(['missing', 'of another task'])('409 for an approval that is %s', async (which) => {
      const other = await team.route();
      const foreign = which === 'missing' ? randomUUID() : await ask(other);
      const id = await team.route({ priority: 'high' });
      const { session } = await team.claim(worker);
      const refused = await release(session.id, { until_approval: foreign });
      expect([refused.status, refused.body.code]).toEqual([409, 'approval.other_task']);
      expect((await team.task(id)).status).toBe('active');
    });

    it('can be cancelled, which withdraws the approval', async () => {
      const [id, approval] = await parked();
      expect((await team.requester.post(`/tasks/${id}/cancel`, {})).status).toBe(200);
      const { body } = await worker.get(`/approvals/${approval}`);
      expect(body.status).toBe('withdrawn');
    });

    it.each([1, 2, 3, 4, 5])('is due after a concurrent release and decision (%i)', async () => {
      const id = await team.route();
      const { session } = await team.claim(worker);
      const approval = await ask(id);
      const [released, decided] = await Promise.all([
        release(session.id, { until_approval: approval }),
        decide(approval, 'approved'),
      ]);
      expect([released.status, decided.status]).toEqual([200, 200]);
      expect((await claimById(id)).status).toBe(200);
    });

    it.each([1, 2, 3])(
      'has one outcome of a concurrent decision and cancellation (%i)',
      async () => {
        const [id, approval] = await parked();
        const [decided, cancelled] = await Promise.all([
          decide(approval, 'approved'),
          team.requester.post(`/tasks/${id}/cancel`, {}),
        ]);
        expect(cancelled.status).toBe(200);
        expect([200, 409]).toContain(decided.status);
        expect((await team.task(id)).status).toBe('cancelled');
        expect(await brokenRules(mesh)).toEqual([]);
      },
    );
  });
});

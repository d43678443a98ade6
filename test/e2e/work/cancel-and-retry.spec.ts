import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { TestApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import {
  ageBy,
  endDeadline,
  RETRYABLE_FAILURE,
  finish,
  sweepDeadlines,
  type TaskBody,
  Team,
  type TimelineBody,
} from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';

const IN_AN_HOUR = new Date(Date.now() + 3_600_000).toISOString();

describe('POST /tasks/:id/cancel and /retry', () => {
  let mesh: TestApp;
  let team: Team;
  let worker: Client;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
    worker = team.worker();
  });

  const steer = (id: string, how: 'cancel' | 'retry', body: unknown = {}, by = team.requester) =>
    by.post<TaskBody & { code: string; detail: string }>(`/tasks/${id}/${how}`, body);

  it('cancel a pending task', async () => {
    const id = await team.route();
    const cancelled = await steer(id, 'cancel', { reason: 'The budget was cut' });
    expect([cancelled.status, cancelled.body.status]).toEqual([200, 'cancelled']);
    expect(await team.task(id)).toMatchObject({
      status: 'cancelled',
      attempts: [{ status: 'expired', ended_reason: 'cancelled' }],
    });
    const { body } = await worker.get<TimelineBody>(`/tasks/${id}/timeline`);
    expect(body.events.at(-1)).toMatchObject({
      event: 'task_cancelled',
      role: team.requesterRole,
      from: 'pending',
      to: 'expired',
      told: 'The budget was cut',
    });
    expect((await worker.post('/tasks/claim', {})).status).toBe(204);
  });

  it('cancel an active task, and 409 for the next heartbeat', async () => {
    const id = await team.route();
    const { session } = await team.claim(worker);
    expect((await steer(id, 'cancel')).body.status).toBe('cancelled');
    expect((await team.task(id)).attempts).toMatchObject([
      { status: 'failed', ended_reason: 'cancelled' },
    ]);
    const beat = await worker.post(`/sessions/${session.id}/heartbeat`, {});
    expect([beat.status, beat.body.code]).toEqual([409, 'task.cancelled']);
    const released = await worker.post(`/sessions/${session.id}/release`, {});
    expect([released.status, released.body.code]).toEqual([409, 'task.cancelled']);
    expect((await finish(worker, session.id)).status).toBe(409);
    const { body } = await team.requester.get(`/tasks?to_role=${team.role}&status=cancelled`);
    expect(body.tasks).toMatchObject([{ id }]);
  });

  /** A task that has come to each of the ends that a task may come to. */
  const ENDS: Record<string, (id: string) => Promise<unknown>> = {
    completed: async () => finish(worker, (await team.claim(worker)).session.id),
    failed: async () => finish(worker, (await team.claim(worker)).session.id, { status: 'failed' }),
    dead: async () => finish(worker, (await team.claim(worker)).session.id, RETRYABLE_FAILURE),
    expired: async (id) => finish(worker, (await team.task(id)).session_id, { status: 'expired' }),
    cancelled: (id) => steer(id, 'cancel'),
  };

  it.each(Object.keys(ENDS))('409 to cancel a task that is %s', async (end) => {
    const id = await team.route({ max_attempts: 1 });
    await ENDS[end]?.(id);
    const before = await team.task(id);
    expect(before.status).toBe(end);
    const refused = await steer(id, 'cancel');
    expect([refused.status, refused.body.code]).toEqual([409, 'task.finished']);
    expect(await team.task(id)).toEqual(before);
    // The detail offers a retry only for a task that can be retried.
    const isRetryable = (await steer(id, 'retry')).status === 200;
    expect(/\/retry\b/.test(refused.body.detail)).toBe(isRetryable);
  });

  it.each(['failed', 'dead', 'expired', 'cancelled'])(
    'retry a task that is %s, with all attempts',
    async (end) => {
      const id = await team.route({ max_attempts: 2 });
      if (end === 'dead') await endsPause(id, ENDS.dead);
      await ENDS[end]?.(id);
      const retried = await steer(id, 'retry', { reason: 'Please' });
      expect([retried.status, retried.body.status]).toEqual([200, 'pending']);
      const attempt = retried.body.attempt;
      expect(await team.task(id)).toMatchObject({ status: 'pending', attempt });
      const { body } = await worker.get<TimelineBody>(`/tasks/${id}/timeline`);
      expect(body.events.at(-1)).toMatchObject({ event: 'task_retried', told: 'Please' });

      await endsPause(id, ENDS.dead);
      expect(await team.task(id)).toMatchObject({ status: 'pending', attempt: attempt + 1 });
      await ENDS.dead?.(id);
      expect(await team.task(id)).toMatchObject({ status: 'dead', attempt: attempt + 1 });
    },
  );

  async function endsPause(id: string, end?: (id: string) => Promise<unknown>): Promise<void> {
    await end?.(id);
    await mesh.query(`UPDATE sessions SET not_before = NULL WHERE task_id = $1`, [id]);
  }

  it('409 to retry an open or a completed task', async () => {
    const id = await team.route();
    const pending = await steer(id, 'retry');
    expect([pending.status, pending.body.code]).toEqual([409, 'task.open']);
    const { session } = await team.claim(worker);
    expect((await steer(id, 'retry')).body.code).toBe('task.open');
    await finish(worker, session.id);
    const completed = await steer(id, 'retry');
    expect([completed.status, completed.body.code]).toEqual([409, 'task.finished']);
  });

  it('409 to retry past the deadline', async () => {
    const swept = await team.route({ deadline_at: IN_AN_HOUR });
    await endDeadline(mesh, swept);
    await sweepDeadlines(mesh);
    const cancelled = await team.route({ deadline_at: IN_AN_HOUR });
    await steer(cancelled, 'cancel');
    expect((await steer(cancelled, 'retry')).status).toBe(200);
    await steer(cancelled, 'cancel');
    await endDeadline(mesh, cancelled);
    for (const id of [swept, cancelled]) {
      const refused = await steer(id, 'retry');
      expect([refused.status, refused.body.code]).toEqual([409, 'task.finished']);
    }
  });

  it('retry a task past its retention, before and after the sweep', async () => {
    const id = await team.route();
    await ageBy(mesh, id, 8);
    expect((await steer(id, 'cancel')).body.code).toBe('task.finished');
    const retried = await steer(id, 'retry');
    expect([retried.status, retried.body.status]).toEqual([200, 'pending']);
    expect(await team.events(id)).toEqual([
      'task_routed',
      'session_transitioned retention',
      'task_retried',
    ]);
  });

  it.each(['cancel', 'retry'] as const)(
    '403 to %s for roles other than the requester’s and admin',
    async (how) => {
      const id = await team.route();
      if (how === 'retry') await steer(id, 'cancel');
      for (const role of [team.role, 'auditor']) {
        const refused = await steer(id, how, {}, team.agent(role));
        expect([refused.status, refused.body.code]).toEqual([403, 'auth.forbidden']);
      }
      const stranger = await steer(id, how, {}, team.agent('stranger'));
      expect([stranger.status, stranger.body.code]).toEqual([404, 'task.not_found']);
      expect((await steer(randomUUID(), how)).status).toBe(404);
      expect((await steer('nothing', how)).status).toBe(400);
      expect((await steer(id, how, { reason: 7 })).status).toBe(400);
      expect((await steer(id, how, { reason: 'x'.repeat(1001) })).status).toBe(400);
      expect((await steer(id, how, {}, team.agent('admin'))).status).toBe(200);
    },
  );

  it.each(['cancel', 'retry'] as const)('%s once with an idempotency key', async (how) => {
    const id = await team.route();
    if (how === 'retry') await steer(id, 'cancel');
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(
      [1, 2, 3].map(() => team.requester.post(`/tasks/${id}/${how}`, {}, key)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await team.events(id)).toHaveLength(how === 'retry' ? 3 : 2);
  });
});

import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { TestApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import {
  endDeadline,
  endLease,
  endPause,
  RETRYABLE_FAILURE,
  finish,
  sweepDeadlines,
  sweepLeases,
  type SessionBody,
  Team,
  repeat,
} from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';

const IN_AN_HOUR = new Date(Date.now() + 3_600_000).toISOString();

describe('attempts of a task', () => {
  let mesh: TestApp;
  let team: Team;
  let worker: Client;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
    worker = team.worker();
  });

  it('are three by default', async () => {
    const id = await team.route();
    await repeat(3, async () => {
      await endPause(mesh, id);
      await team.loseLease();
    });
    expect(await team.task(id)).toMatchObject({ status: 'dead', attempt: 3, max_attempts: 3 });
  });

  it('end after a failure that is not retryable', async () => {
    for (const how of [
      { status: 'failed', error: 'no' },
      { ...RETRYABLE_FAILURE, retryable: false },
    ]) {
      const id = await team.route();
      const { session } = await team.claim(worker);
      await finish(worker, session.id, how);
      const task = await team.task(id);
      expect(task).toMatchObject({ status: 'failed', attempts: [{ error: 'no' }] });
      expect(task.attempts).toHaveLength(1);
    }
  });

  it.each([
    { status: 'completed', error: 'x' },
    { status: 'failed', result: {} },
    { status: 'completed', retryable: true },
    { status: 'failed', retryable: 'yes' },
    { retryable: true },
    { status: 'dead' },
  ])('400 for a report with %j', async (how) => {
    await team.route();
    const { session } = await team.claim(worker);
    expect((await finish(worker, session.id, how)).status).toBe(400);
  });

  it('do not count a release', async () => {
    const id = await team.route({ max_attempts: 1 });
    await repeat(3, async () => {
      const { session } = await team.claim(worker);
      const released = await worker.post(`/sessions/${session.id}/release`, { reason: 'busy' });
      expect(released.body).toMatchObject({ status: 'failed', ended_reason: 'released' });
      expect((await worker.post(`/sessions/${session.id}/release`, {})).body.code).toBe(
        'session.ended',
      );
    });
    expect(await team.task(id)).toMatchObject({ status: 'pending', attempt: 4 });
    expect((await team.events(id)).slice(1, 4)).toEqual([
      'task_claimed',
      'task_released released',
      'attempt_opened',
    ]);
    await team.loseLease();
    expect((await team.task(id)).status).toBe('dead');
  });

  it('POST /sessions/:id/release: 409 unless the session is an active attempt', async () => {
    const plain = await worker.post('/sessions', { role: team.role });
    const path = `/sessions/${String(plain.body.id)}`;
    for (const act of ['release', 'heartbeat']) {
      const early = await worker.post(`${path}/${act}`, {});
      expect(early).toMatchObject({
        status: 409,
        body: {
          code: 'lifecycle.invalid_transition',
          detail: 'The session is pending. Claim its task or activate the session first.',
        },
      });
    }
    await worker.put(path, { status: 'active' });
    expect((await worker.post(`${path}/release`, {})).body.code).toBe('session.not_attempt');
    expect((await worker.post(`${path}/release`, { reason: 'x'.repeat(1001) })).status).toBe(400);
  });

  it('are released once with an idempotency key; every heartbeat with one extends the lease', async () => {
    const id = await team.route();
    const { session } = await team.claim(worker);
    const once = (path: string) => {
      const key = { 'idempotency-key': randomUUID() };
      const calls = [1, 2, 3].map(() =>
        worker.post<SessionBody>(`/sessions/${session.id}/${path}`, {}, key),
      );
      return Promise.all(calls);
    };
    const heartbeats = await once('heartbeat');
    expect(heartbeats.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(heartbeats.map(({ body }) => body.version)).size).toBe(1);
    const releases = await once('release');
    expect(releases.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(releases.map(({ text }) => text)).size).toBe(1);
    expect((await team.task(id)).attempts).toHaveLength(2);
  });

  it('end at the deadline: an active one fails, a pending one expires', async () => {
    const active = await team.route({ deadline_at: IN_AN_HOUR });
    const { session } = await team.claim(worker);
    const pending = await team.route({ deadline_at: IN_AN_HOUR });
    await endLease(mesh, session.id);
    for (const id of [active, pending]) await endDeadline(mesh, id);
    expect(await sweepLeases(mesh)).toBe(0);
    expect(await sweepDeadlines(mesh)).toBe(2);
    expect(await team.task(active)).toMatchObject({
      status: 'failed',
      attempts: [{ status: 'failed', ended_reason: 'deadline' }],
    });
    expect(await team.task(pending)).toMatchObject({
      status: 'expired',
      attempts: [{ status: 'expired', ended_reason: 'deadline' }],
    });
    expect(await team.events(pending)).toEqual(['task_routed', 'session_transitioned deadline']);
    expect((await finish(worker, session.id)).status).toBe(409);
  });

  it('do not continue after the deadline', async () => {
    const id = await team.route({ deadline_at: IN_AN_HOUR });
    const { session } = await team.claim(worker);
    await endDeadline(mesh, id);
    expect((await finish(worker, session.id, RETRYABLE_FAILURE)).status).toBe(200);
    expect(await team.task(id)).toMatchObject({ status: 'dead', attempt: 1 });
  });
});

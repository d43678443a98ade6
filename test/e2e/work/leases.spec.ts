import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { newDatabase, startTestApp, type TestApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { dropTestDatabase } from '../../support/postgres.js';
import {
  brokenRules,
  endLease,
  endPause,
  RETRYABLE_FAILURE,
  finish,
  metrics,
  sweepLeases,
  Team,
  type Written,
} from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';
import { patient } from '../../support/patience.js';

describe('leases', () => {
  let mesh: TestApp;
  let team: Team;
  let worker: Client;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
    worker = team.worker();
  });

  const beat = (by: Client, id: string, body: unknown = {}) =>
    by.post<Written>(`/sessions/${id}/heartbeat`, body);

  it('POST /sessions/:id/heartbeat extends the lease without a version or an event', async () => {
    const id = await team.route();
    const { session } = await team.claim(worker, { lease_seconds: 30 });
    const alive = await beat(worker, session.id, { lease_seconds: 3600 });
    expect(alive.status).toBe(200);
    expect(alive.headers.get('etag')).toBe(`"${session.id}.2"`);
    const left = Date.parse(alive.body.lease_expires_at ?? '') - Date.now();
    expect(left).toBeGreaterThan(3_590_000);
    expect(alive.body).toMatchObject({ version: 2, updated_at: session.updated_at });
    expect(await team.events(id)).toEqual(['task_routed', 'task_claimed']);
    expect(await sweepLeases(mesh)).toBe(0);
  });

  it.each([29, 3601, 0, -1, 45.5, '60'])('400 with a lease of %j seconds', async (wish) => {
    await team.route();
    const { session } = await team.claim(worker);
    const refused = await beat(worker, session.id, { lease_seconds: wish });
    expect([refused.status, refused.body.code]).toEqual([400, 'request.invalid']);
  });

  it('409 for other agents of the role, 403 for other participants, 404 for unrelated callers', async () => {
    await team.route();
    const { session } = await team.claim(worker);
    const path = `/sessions/${session.id}`;
    const attempts = (by: Client) => [
      beat(by, session.id),
      by.post<Written>(`${path}/release`, {}),
      by.put<Written>(path, { status: 'completed' }),
    ];
    for (const { status, body } of await Promise.all(attempts(team.worker()))) {
      expect([status, body.code]).toEqual([409, 'session.claimed']);
      expect(body).toMatchObject({ detail: expect.stringContaining(session.claimed_by ?? '-') });
    }
    for (const { status, body } of await Promise.all(attempts(team.requester))) {
      expect([status, body.code]).toEqual([403, 'auth.forbidden']);
    }
    for (const { status, body } of await Promise.all(attempts(team.agent('stranger')))) {
      expect([status, body.code]).toEqual([404, 'session.not_found']);
    }
    expect((await beat(team.agent('admin'), session.id)).status).toBe(200);
    expect((await beat(worker, randomUUID())).status).toBe(404);
    expect((await beat(worker, `task-${session.task_id}`)).body.code).toBe('session.id_required');
  });

  it('an expired lease can be extended or completed until the sweep', async () => {
    await team.route();
    const first = await team.claim(worker);
    await endLease(mesh, first.session.id);
    expect((await beat(worker, first.session.id)).status).toBe(200);
    expect(await sweepLeases(mesh)).toBe(0);
    await endLease(mesh, first.session.id);
    const done = await finish(worker, first.session.id, { status: 'completed', result: { ok: 1 } });
    expect(done.body).toMatchObject({ status: 'completed', result: { ok: 1 } });
    expect(await sweepLeases(mesh)).toBe(0);
  });

  it('a lost lease opens the next attempt, and 409 for late writes', async () => {
    const id = await team.route();
    const lost = await team.loseLease(worker);
    const before = await team.task(id);
    expect(before.attempts).toMatchObject([
      { id: lost, status: 'failed', ended_reason: 'lease_lost' },
      { status: 'pending', attempt: 2, claimed_by: null, lease_expires_at: null },
    ]);
    const late = await Promise.all([
      beat(worker, lost),
      worker.post(`/sessions/${lost}/release`, {}),
      finish(worker, lost),
      finish(worker, lost, RETRYABLE_FAILURE),
      worker.put(`/sessions/${lost}`, { metadata: { late: true } }),
    ]);
    expect(late.map(({ status }) => status)).toEqual([409, 409, 409, 409, 409]);
    expect(late[2].body.detail).toBe('Invalid transition from failed to completed');
    expect(await team.task(id)).toEqual(before);

    await endPause(mesh, id);
    const next = team.worker();
    const { session } = await team.claim(next);
    expect((await finish(next, session.id)).status).toBe(200);
    expect(await team.events(id)).toEqual([
      'task_routed',
      'task_claimed',
      'session_transitioned lease_lost',
      'attempt_opened',
      'task_claimed',
      'session_transitioned completed',
    ]);
  });

  it('the delay grows after each loss, not after a release', async () => {
    const id = await team.route({ max_attempts: 100 });
    const { session } = await team.claim(worker);
    await worker.post(`/sessions/${session.id}/release`, {});
    for (const full of [1, 2, 4]) {
      await team.loseLease();
      const pause = await pauseBefore(id);
      expect(pause).toBeGreaterThan(full / 2 - 0.01);
      expect(pause).toBeLessThan(full + 0.01);
      await endPause(mesh, id);
    }
  });

  async function pauseBefore(id: string): Promise<number> {
    const { created_at, not_before } = (await team.task(id)).attempts.at(-1) ?? {};
    return (Date.parse(not_before ?? '') - Date.parse(created_at ?? '')) / 1000;
  }

  it('the task is dead after its last attempt', async () => {
    const before = await metrics(mesh);
    const id = await team.route({ max_attempts: 2 });
    await team.loseLease();
    await endPause(mesh, id);
    const { session } = await team.claim(worker);
    expect((await finish(worker, session.id, RETRYABLE_FAILURE)).body).toMatchObject({
      status: 'failed',
      error: 'no',
      ended_reason: 'worker',
    });
    const dead = await team.task(id);
    expect(dead).toMatchObject({ status: 'dead', attempt: 2 });
    expect(dead.attempts).toHaveLength(2);

    const swept = await team.route({ max_attempts: 1 });
    await team.loseLease();
    expect((await team.task(swept)).status).toBe('dead');
    const { body } = await team.requester.get(`/tasks?to_role=${team.role}&status=dead`);
    expect(body.tasks).toMatchObject([{ id: swept }, { id }]);
    const after = await metrics(mesh);
    expect(after('mesh_leases_lost_total') - before('mesh_leases_lost_total')).toBe(2);
    expect(after('mesh_tasks_dead_total') - before('mesh_tasks_dead_total')).toBe(2);
  });

  it('an activated session has no lease until its first heartbeat', async () => {
    const id = await team.route();
    const { session_id } = await team.task(id);
    const active = await finish(worker, session_id, { status: 'active' });
    expect(active.body.lease_expires_at).toBeNull();
    const late = await team.worker().post(`/tasks/${id}/claim`, {});
    expect(late.body.detail).toMatch(
      /^The task is claimed by .* without a lease\. Claim another task\.$/,
    );
    expect((await beat(worker, session_id)).body.lease_expires_at).not.toBeNull();
  });
});

describe('the sweep', () => {
  it('ends lost leases and passed deadlines within its interval', async () => {
    const databaseUrl = await newDatabase();
    const env = { LEASE_MIN_SECONDS: '1', SWEEP_INTERVAL_SECONDS: '1' };
    const mesh = await startTestApp({ databaseUrl, env });
    const team = new Team(mesh);
    const deadline_at = new Date(Date.now() + 2_000).toISOString();
    const [lost, late] = [
      await team.route({ priority: 'high' }),
      await team.route({ deadline_at }),
    ];
    await team.claim(undefined, { lease_seconds: 1 });
    const statuses = async () => [
      (await team.task(lost)).attempts[0]?.ended_reason,
      (await team.task(late)).status,
    ];
    const started = performance.now();
    while ((await statuses()).join(' ') !== 'lease_lost expired') {
      expect(performance.now() - started).toBeLessThan(patient(7_000));
    }
    expect(await brokenRules(mesh)).toEqual([]);
    await mesh.close();
    await dropTestDatabase(databaseUrl);
  });
});

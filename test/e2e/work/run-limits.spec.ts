import { describe, expect, it } from '@jest/globals';
import { AttemptTimeoutsService } from '../../../src/sessions/attempt-timeouts.service.js';
import type { TestApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { endPause, finish, sweepLeases, Team, type Written } from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';

describe('lease duration and run limit', () => {
  let mesh: TestApp;
  let team: Team;
  let worker: Client;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
    worker = team.worker();
  });

  const beat = (id: string, body: unknown = {}) =>
    worker.post<Written>(`/sessions/${id}/heartbeat`, body);
  const secondsLeft = (time: string | null): number => (Date.parse(time ?? '') - Date.now()) / 1000;

  it.each([60, 3600])('keep the duration of the claim: %i seconds', async (lease_seconds) => {
    await team.route();
    const { session } = await team.claim(worker, { lease_seconds });
    expect(session.lease_seconds).toBe(lease_seconds);
    const { body } = await beat(session.id);
    expect(secondsLeft(body.lease_expires_at)).toBeGreaterThan(lease_seconds - 10);
    expect(secondsLeft(body.lease_expires_at)).toBeLessThan(lease_seconds + 10);
  });

  it('use the duration of the heartbeat', async () => {
    await team.route();
    const { session } = await team.claim(worker, { lease_seconds: 60 });
    expect((await beat(session.id, { lease_seconds: 900 })).body.lease_seconds).toBe(900);
    expect(secondsLeft((await beat(session.id)).body.lease_expires_at)).toBeGreaterThan(800);
  });

  it.each([29, 604_801, 1.5, '60', -1])(
    '400 with a run limit of %j seconds',
    async (max_run_seconds) => {
      const { status, body } = await team.requester.post('/tasks/route', {
        ...{ target: team.role, task: { task_type: 'review' }, max_run_seconds },
      });
      expect([status, body.code]).toEqual([400, 'request.invalid']);
    },
  );

  it('a lease ends at the run limit, which ends the attempt', async () => {
    const id = await team.route({ max_run_seconds: 120, max_attempts: 2 });
    expect((await team.task(id)).max_run_seconds).toBe(120);
    const { task, session } = await team.claim(worker, { lease_seconds: 3600 });
    expect(task.max_run_seconds).toBe(120);
    expect(secondsLeft(session.run_until)).toBeGreaterThan(110);
    expect(session.lease_expires_at).toBe(session.run_until);
    const alive = await beat(session.id, { lease_seconds: 3600 });
    expect(alive.body.lease_expires_at).toBe(session.run_until);

    await endRun(session.id);
    const late = await beat(session.id);
    expect([late.status, late.body.code]).toEqual([409, 'session.run_limit']);
    expect(await sweepLeases(mesh)).toBe(0);
    expect(await mesh.app.get(AttemptTimeoutsService).sweepRunLimits()).toBe(1);
    expect((await team.task(id)).attempts).toMatchObject([
      { status: 'failed', ended_reason: 'run_limit' },
      { status: 'pending', run_until: null },
    ]);
    expect((await beat(session.id)).body.code).toBe('session.ended');
    await endPause(mesh, id);
    expect(secondsLeft((await team.claim(worker)).session.run_until)).toBeGreaterThan(110);
  });

  it('accept a result until the sweep', async () => {
    await team.route({ max_run_seconds: 120 });
    const { session } = await team.claim(worker);
    await endRun(session.id);
    expect((await finish(worker, session.id)).status).toBe(200);
  });

  it('the run limit also ends an activated attempt without a lease', async () => {
    const id = await team.route({ max_run_seconds: 120, max_attempts: 1 });
    const { session_id } = await team.task(id);
    const active = await finish(worker, session_id, { status: 'active' });
    expect(active.body).toMatchObject({ lease_expires_at: null, lease_seconds: null });
    expect(secondsLeft(active.body.run_until)).toBeGreaterThan(110);
    await endRun(session_id);
    await mesh.app.get(AttemptTimeoutsService).sweepRunLimits();
    expect((await team.task(id)).status).toBe('dead');
  });

  async function endRun(session: string): Promise<void> {
    await mesh.query(
      `UPDATE sessions SET run_until = clock_timestamp() - interval '1 second',
              lease_expires_at = lease_expires_at - interval '2 hours' WHERE id = $1`,
      [session],
    );
  }
});

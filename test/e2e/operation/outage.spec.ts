import { beforeAll, describe, expect, it } from '@jest/globals';
import { ServiceHeartbeatService } from '../../../src/database/service-heartbeat.service.js';
import { newSubject, startTestApp } from '../../support/app.js';
import { metrics, sweepDeadlines, sweepLeases, Team, type Written } from '../../support/work.js';
import { useApp } from '../../support/kit.js';

const ENV = { LEASE_MIN_SECONDS: '1', SWEEP_INTERVAL_SECONDS: '1' };

describe('after an outage', () => {
  const mesh = useApp({ env: ENV });
  let team: Team;

  beforeAll(() => {
    team = new Team(mesh);
  });

  /** Makes it look as if nobody had been at work, and moves what ends with it. */
  async function letPass(seconds: number): Promise<void> {
    await mesh.query(
      `UPDATE service_heartbeat SET grace_until = NULL,
              beat_at = clock_timestamp() - make_interval(secs => $1)`,
      [seconds],
    );
  }

  const notice = (app = mesh) => app.app.get(ServiceHeartbeatService).beat();

  const endAgo = (table: string, column: string, id: string, seconds: number) =>
    mesh.query(
      `UPDATE ${table} SET ${column} = clock_timestamp() - make_interval(secs => $2) WHERE id = $1`,
      [id, seconds],
    );

  const secondsLeft = (time: string | null) => (Date.parse(time ?? '') - Date.now()) / 1000;

  async function approvalOf(id: string, approver: string): Promise<string> {
    const { body } = await team.requester.post('/approvals', {
      task_id: id,
      approver_role: approver,
      decision: 'pending',
    });
    return String(body.approval_id).replace('approval-', '');
  }

  it('a lease that ended during it is extended by the grace period', async () => {
    const worker = team.worker();
    await team.route();
    const { session } = await team.claim(worker);
    await letPass(20);
    await endAgo('sessions', 'lease_expires_at', session.id, 10);
    await notice();
    const { body } = await worker.get<Written>(`/sessions/${session.id}`);
    expect(body).toMatchObject({ status: 'active', version: session.version });
    expect(Math.abs(secondsLeft(body.lease_expires_at) - 60)).toBeLessThan(10);
    expect(await sweepLeases(mesh)).toBe(0);
    expect((await worker.post(`/sessions/${session.id}/heartbeat`, {})).status).toBe(200);
  });

  it('a lease that ended before it is lost', async () => {
    const worker = team.worker();
    await team.route();
    const { session } = await team.claim(worker);
    await letPass(20);
    await endAgo('sessions', 'lease_expires_at', session.id, 30);
    await notice();
    expect(await sweepLeases(mesh)).toBe(1);
  });

  it('a longer lease does not change', async () => {
    const worker = team.worker();
    await team.route();
    const { session } = await team.claim(worker, { lease_seconds: 3_600 });
    await letPass(20);
    await notice();
    const { body } = await worker.get<Written>(`/sessions/${session.id}`);
    expect(body.lease_expires_at).toBe(session.lease_expires_at);
    await worker.put(`/sessions/${session.id}`, { status: 'completed' });
  });

  it('nothing after the last heartbeat expires', async () => {
    await notice();
    const { judgedUntil } = mesh.app.get(ServiceHeartbeatService);
    expect(Math.abs((judgedUntil?.getTime() ?? 0) - Date.now() - 6_000)).toBeLessThan(3_000);
  });

  it('a pending approval keeps its remaining time', async () => {
    const approver = newSubject('approver');
    const id = await approvalOf(await team.route(), approver);
    await letPass(3_600);
    await endAgo('approvals', 'expires_at', id, 3_000);
    await notice();
    const { body } = await team
      .agent(approver)
      .get<Written & { expires_at: string }>(`/approvals/${id}`);
    expect(body).toMatchObject({ status: 'pending' });
    expect(Math.abs(secondsLeft(body.expires_at) - 600)).toBeLessThan(10);
    const decided = await team.agent(approver).post(`/approvals/${id}/decision`, {
      decision: 'approved',
    });
    expect(decided.status).toBe(200);
    const events = await mesh.query(
      `SELECT metadata ->> 'reason' AS reason FROM audit_events
        WHERE approval_id = $1 AND event_type = 'approval_extended'`,
      [id],
    );
    expect(events).toEqual([{ reason: 'outage' }]);
  });

  it('an approval expires no later than the deadline of its task', async () => {
    const approver = newSubject('approver');
    const deadline_at = new Date(Date.now() + 20_000).toISOString();
    const id = await approvalOf(await team.route({ deadline_at }), approver);
    await letPass(3_600);
    await endAgo('approvals', 'expires_at', id, 10);
    await notice();
    const { body } = await team.agent(approver).get<{ expires_at: string }>(`/approvals/${id}`);
    expect(body.expires_at).toBe(deadline_at);
  });

  it('a worker can report after a deadline that passed during it, and 409 for claims', async () => {
    const worker = team.worker();
    const deadline_at = new Date(Date.now() + 60_000).toISOString();
    const held = await team.route({ deadline_at });
    const { session } = await team.claim(worker);
    const free = await team.route({ deadline_at });
    await letPass(20);
    for (const id of [held, free]) {
      await mesh.query(
        `UPDATE sessions SET deadline_at = clock_timestamp() - interval '10 seconds' WHERE task_id = $1`,
        [id],
      );
    }
    await notice();
    expect((await worker.post(`/tasks/${free}/claim`, {})).status).toBe(409);
    await sweepDeadlines(mesh);
    expect((await team.task(free)).status).toBe('expired');
    const done = await worker.put(`/sessions/${session.id}`, { status: 'completed' });
    expect(done).toMatchObject({ status: 200, body: { status: 'completed' } });
  });

  it('one of several concurrent instances records it', async () => {
    const other = await startTestApp({ databaseUrl: mesh.databaseUrl });
    try {
      await notice(other);
      const count = async () => {
        const values = await Promise.all([metrics(mesh), metrics(other)]);
        return values.reduce((sum, value) => sum + value('mesh_outages_total'), 0);
      };
      const before = await count();
      await letPass(20);
      await Promise.all([notice(mesh), notice(other)]);
      expect(await count()).toBe(before + 1);
    } finally {
      await other.close();
    }
  });
});

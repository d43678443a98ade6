import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceHeartbeatService } from '../../../src/database/service-heartbeat.service.js';
import {
  newDatabase,
  newSubject,
  startTestApp,
  type TestApp,
  tokenFor,
} from '../../support/app.js';
import { Client } from '../../support/client.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { until } from '../../support/eventually.js';
import { createTestDatabase, dropTestDatabase, startTestPostgres } from '../../support/postgres.js';
import {
  type ClaimedBody,
  metrics,
  sweepDeadlines,
  sweepLeases,
  type TaskBody,
  Team,
  type Written,
} from '../../support/work.js';

/** Longer than the gap that is an outage. */
const OUTAGE_MS = 8_000;
const ENV = { LEASE_MIN_SECONDS: '1', SWEEP_INTERVAL_SECONDS: '1' };

describe('after an outage', () => {
  let mesh: TestApp;
  let team: Team;

  beforeAll(async () => {
    mesh = await startTestApp({ env: ENV });
    team = new Team(mesh);
  });

  afterAll(() => mesh.close());

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

  it('a lease that ended in it has the grace period, and is not lost', async () => {
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

  it('a lease that had ended before it is lost', async () => {
    const worker = team.worker();
    await team.route();
    const { session } = await team.claim(worker);
    await letPass(20);
    await endAgo('sessions', 'lease_expires_at', session.id, 30);
    await notice();
    expect(await sweepLeases(mesh)).toBe(1);
  });

  it('a long lease stays as it is', async () => {
    const worker = team.worker();
    await team.route();
    const { session } = await team.claim(worker, { lease_seconds: 3_600 });
    await letPass(20);
    await notice();
    const { body } = await worker.get<Written>(`/sessions/${session.id}`);
    expect(body.lease_expires_at).toBe(session.lease_expires_at);
    await worker.put(`/sessions/${session.id}`, { status: 'completed' });
  });

  it('nothing is ended beyond what the last heartbeat covers', async () => {
    await notice();
    const { judgedUntil } = mesh.app.get(ServiceHeartbeatService);
    expect(Math.abs((judgedUntil?.getTime() ?? 0) - Date.now() - 6_000)).toBeLessThan(3_000);
  });

  it('a pending approval has what was left of its time, and is decided', async () => {
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

  it('an approval never outlives the deadline of its task', async () => {
    const approver = newSubject('approver');
    const deadline_at = new Date(Date.now() + 20_000).toISOString();
    const id = await approvalOf(await team.route({ deadline_at }), approver);
    await letPass(3_600);
    await endAgo('approvals', 'expires_at', id, 10);
    await notice();
    const { body } = await team.agent(approver).get<{ expires_at: string }>(`/approvals/${id}`);
    expect(body.expires_at).toBe(deadline_at);
  });

  it('a worker whose deadline passed in it can report; nobody can claim', async () => {
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

  it('is noticed by one of the instances that notice at once', async () => {
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

describe('a worker keeps its task while', () => {
  let databaseUrl: string;
  let controllers: ControllerProcess[];

  beforeEach(async () => {
    databaseUrl = await newDatabase();
    controllers = [];
  });

  afterEach(async () => {
    for (const controller of controllers) controller.kill('SIGCONT');
    await Promise.all(controllers.map((controller) => controller.stop()));
    await dropTestDatabase(databaseUrl).catch(() => undefined);
  });

  async function start(url = databaseUrl): Promise<ControllerProcess> {
    const controller = await ControllerProcess.start({
      databaseUrl: url,
      env: { ...ENV, LOG_LEVEL: 'warn' },
    });
    controllers.push(controller);
    return controller;
  }

  const sub = newSubject('worker');
  const workerOf = ({ url }: ControllerProcess) => new Client(url, tokenFor('manager', sub));

  /** Claims a task with a lease that ends in the outage. */
  async function claim(controller: ControllerProcess): Promise<ClaimedBody> {
    const asker = new Client(controller.url, tokenFor('finance'));
    await asker.post('/tasks/route', { target: 'manager', task: { task_type: 'review' } });
    const { body } = await workerOf(controller).post<ClaimedBody>('/tasks/claim', {
      lease_seconds: 3,
    });
    return body;
  }

  async function expectHeld(controller: ControllerProcess, { session, task }: ClaimedBody) {
    const worker = workerOf(controller);
    const seen = await worker.get<Written>(`/sessions/${session.id}`);
    expect(seen).toMatchObject({ status: 200, body: { status: 'active' } });
    expect(Date.parse(seen.body.lease_expires_at ?? '')).toBeGreaterThan(Date.now());
    await sleep(2_500);
    expect((await worker.post(`/sessions/${session.id}/heartbeat`, {})).status).toBe(200);
    const { body } = await worker.get<TaskBody>(`/tasks/${task.id}`);
    expect(body).toMatchObject({ status: 'active', attempt: 1 });
    expect(controller.output).toContain('were away for');
  }

  it('all controllers are away', async () => {
    const first = await start();
    const claimed = await claim(first);
    first.kill();
    await first.ended;
    await sleep(OUTAGE_MS);
    await expectHeld(await start(), claimed);
  }, 60_000);

  it('the only controller hangs', async () => {
    const controller = await start();
    const claimed = await claim(controller);
    controller.kill('SIGSTOP');
    await sleep(OUTAGE_MS);
    controller.kill('SIGCONT');
    await expectHeld(controller, claimed);
  }, 60_000);

  it('PostgreSQL is away', async () => {
    const postgres = await startTestPostgres();
    try {
      const url = await createTestDatabase(postgres.url);
      const app = await startTestApp({ databaseUrl: url, env: { MIGRATE_ON_START: 'true' } });
      await app.close();
      const controller = await start(url);
      const claimed = await claim(controller);
      postgres.kill('SIGKILL');
      await sleep(OUTAGE_MS);
      await postgres.restart();
      await until(async () => (await fetch(`${controller.url}/health/ready`)).ok);
      await expectHeld(controller, claimed);
      await controller.stop();
    } finally {
      await postgres.stop();
    }
  }, 120_000);

  it('and loses it where only its own controller is away', async () => {
    const [one, other] = [await start(), await start()];
    const { task } = await claim(one);
    one.kill();
    await sleep(OUTAGE_MS);
    const { body } = await workerOf(other).get<TaskBody>(`/tasks/${task.id}`);
    expect(body.attempts[0]).toMatchObject({ status: 'failed', ended_reason: 'lease_lost' });
    expect(other.output).not.toContain('were away for');
  }, 60_000);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import { newDatabase, newSubject, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { concurrentScenarios } from '../../support/concurrent-scenarios.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { until } from '../../support/eventually.js';
import { dropTestDatabase, startTestPostgres } from '../../support/postgres.js';
import type { ClaimedBody, TaskBody, Written } from '../../support/work.js';

/** Longer than the gap that counts as an outage. */
const OUTAGE_MS = 8_000;
const ENV = { LEASE_MIN_SECONDS: '1', SWEEP_INTERVAL_SECONDS: '1', LOG_LEVEL: 'warn' };

/** The controllers of one outage on a database of their own, and a worker with a claimed task. */
class Outage {
  private readonly controllers: ControllerProcess[] = [];
  private readonly sub = newSubject('worker');
  private databaseUrl = '';

  /** Runs an outage and stops its controllers. */
  static async run(scenario: (outage: Outage) => Promise<void>): Promise<void> {
    const outage = new Outage();
    outage.databaseUrl = await newDatabase();
    try {
      await scenario(outage);
    } finally {
      await outage.stop();
    }
  }

  async start(databaseUrl = this.databaseUrl): Promise<ControllerProcess> {
    const controller = await ControllerProcess.start({ databaseUrl, env: ENV });
    this.controllers.push(controller);
    return controller;
  }

  workerOf({ url }: ControllerProcess): Client {
    return new Client(url, tokenFor('manager', this.sub));
  }

  /** Claims a task with a lease that ends during the outage. */
  async claim(controller: ControllerProcess): Promise<ClaimedBody> {
    const requester = new Client(controller.url, tokenFor('finance'));
    await requester.post('/tasks/route', { target: 'manager', task: { task_type: 'review' } });
    const { body } = await this.workerOf(controller).post<ClaimedBody>('/tasks/claim', {
      lease_seconds: 3,
    });
    return body;
  }

  async expectClaimed(
    controller: ControllerProcess,
    { session, task }: ClaimedBody,
  ): Promise<void> {
    const worker = this.workerOf(controller);
    const seen = await worker.get<Written>(`/sessions/${session.id}`);
    expect(seen).toMatchObject({ status: 200, body: { status: 'active' } });
    expect(Date.parse(seen.body.lease_expires_at ?? '')).toBeGreaterThan(Date.now());
    await sleep(2_500);
    expect((await worker.post(`/sessions/${session.id}/heartbeat`, {})).status).toBe(200);
    const { body } = await worker.get<TaskBody>(`/tasks/${task.id}`);
    expect(body).toMatchObject({ status: 'active', attempt: 1 });
    expect(controller.output).toContain('were away for');
  }

  async stop(): Promise<void> {
    for (const controller of this.controllers) controller.kill('SIGCONT');
    await Promise.all(this.controllers.map((controller) => controller.stop()));
    await dropTestDatabase(this.databaseUrl).catch(() => undefined);
  }
}

const OUTAGES: Record<string, (outage: Outage) => Promise<void>> = {
  'keeps its task when all controllers are down': async (outage) => {
    const first = await outage.start();
    const claimed = await outage.claim(first);
    first.kill();
    await first.ended;
    await sleep(OUTAGE_MS);
    await outage.expectClaimed(await outage.start(), claimed);
  },

  'keeps its task when the only controller hangs': async (outage) => {
    const controller = await outage.start();
    const claimed = await outage.claim(controller);
    controller.kill('SIGSTOP');
    await sleep(OUTAGE_MS);
    controller.kill('SIGCONT');
    await outage.expectClaimed(controller, claimed);
  },

  'keeps its task when PostgreSQL is down': async (outage) => {
    const postgres = await startTestPostgres();
    try {
      const url = await newDatabase(postgres.url);
      const controller = await outage.start(url);
      const claimed = await outage.claim(controller);
      postgres.kill('SIGKILL');
      await sleep(OUTAGE_MS);
      await postgres.restart();
      await until(async () => (await fetch(`${controller.url}/health/ready`)).ok);
      await outage.expectClaimed(controller, claimed);
      await controller.stop();
    } finally {
      await postgres.stop();
    }
  },

  'loses its task when only its own controller is down': async (outage) => {
    const [one, other] = [await outage.start(), await outage.start()];
    const { task } = await outage.claim(one);
    one.kill();
    await sleep(OUTAGE_MS);
    const { body } = await outage.workerOf(other).get<TaskBody>(`/tasks/${task.id}`);
    expect(body.attempts[0]).toMatchObject({ status: 'failed', ended_reason: 'lease_lost' });
    expect(other.output).not.toContain('were away for');
  },
};

describe('a worker in an outage', () => {
  const scenario = concurrentScenarios();
  for (const [name, outage] of Object.entries(OUTAGES))
    scenario(name, () => Outage.run(outage), 120_000);
});

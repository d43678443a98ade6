import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { newDatabase } from '../../support/app.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { until } from '../../support/eventually.js';
import { times, useApp } from '../../support/kit.js';
import { Payments } from '../../support/payments.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { WorkerProcess } from '../../support/worker-process.js';

/** The steps of a worker, in their order. */
const STEPS = [
  'claimed',
  'asking',
  'asked',
  'decided',
  'consumed',
  'acting',
  'acted',
  'completing',
  'completed',
];

describe('A worker process that is killed', () => {
  const mesh = useApp({ env: { LEASE_MIN_SECONDS: '2', SWEEP_INTERVAL_SECONDS: '1' } });

  it.each(STEPS)(
    'at the step "%s" is continued by the next one, and all happens once',
    async (killAt) => {
      const payments = new Payments(mesh);
      const task = await payments.route(100);
      payments.approveAll();
      const killed = new WorkerProcess(payments.options({ killAt }));
      expect({ signal: await killed.ended, output: killed.output }).toEqual({
        signal: 'SIGKILL',
        output: '',
      });
      const next = new WorkerProcess(payments.options());
      const { attempts } = await payments.ended(task);
      await payments.end();
      await next.stop();

      expect(attempts).toHaveLength(1);
      await payments.expectOnce(task);
    },
  );

  it('leaves its task to the next attempt when nobody continues it in time', async () => {
    const payments = new Payments(mesh);
    const task = await payments.route(100);
    payments.approveAll();
    await new WorkerProcess(payments.options({ killAt: 'acted', leaseSeconds: 2 })).ended;
    await until(async () => (await payments.countsOf(task)).attempts === '2');
    const next = new WorkerProcess(payments.options());
    await payments.ended(task);
    await payments.end();
    await next.stop();

    await payments.expectOnce(task);
  });

  it('is continued by another that runs with the same identity', async () => {
    const payments = new Payments(mesh);
    const shared = { identity: 'shared', leaseSeconds: 8 } as const;
    const task = await payments.route(100);
    const killed = new WorkerProcess(payments.options({ ...shared, killAt: 'asked' }));
    await killed.ended;
    const other = new WorkerProcess(payments.options(shared));
    payments.approveAll();
    const { attempts } = await payments.ended(task);
    await payments.end();

    expect(await other.stop()).toBeNull();
    expect(attempts).toHaveLength(1);
    await payments.expectOnce(task);
  });

  it('at random, among others with its identity, leaves every task done once', async () => {
    const payments = new Payments(mesh);
    const tasks = await Promise.all(times(12, (index) => payments.route(index, 50)));
    payments.approveAll();
    const run = { processes: 2, concurrency: 4, killChance: 0.06 };
    const { crashes } = await payments.runWithCrashes(tasks, run);
    await payments.end();

    expect(crashes).toBeGreaterThan(0);
    await Promise.all(tasks.map((task) => payments.expectOnce(task)));
  }, 60_000);
});

describe('A worker process', () => {
  it('continues when the controller is killed and started again', async () => {
    const databaseUrl = await newDatabase();
    const db = new pg.Pool({ connectionString: databaseUrl });
    const env = { DATABASE_URL: databaseUrl, LEASE_MIN_SECONDS: '2', SWEEP_INTERVAL_SECONDS: '1' };
    const first = await ControllerProcess.startMain(env);
    const query = async <Row>(text: string, values?: unknown[]): Promise<Row[]> =>
      (await db.query(text, values)).rows as Row[];
    const payments = new Payments({ url: first.url, query });
    const task = await payments.route(100);
    const worker = new WorkerProcess(payments.options());
    await until(() => worker.events.some(({ type }) => type === 'claimed'));
    first.kill();
    await first.ended;
    await sleep(1_500);
    const second = await ControllerProcess.startMain({ ...env, PORT: new URL(first.url).port });
    payments.approveAll();
    await payments.ended(task);
    await payments.end();
    await worker.stop();

    await payments.expectOnce(task);
    await second.stop();
    await db.end();
    await dropTestDatabase(databaseUrl);
  }, 60_000);
});

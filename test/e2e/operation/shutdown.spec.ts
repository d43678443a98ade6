import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { freePort } from '../../../src/embedded-postgres/free-port.js';
import { newDatabase, tokenFor } from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';
import { ControllerProcess } from '../../support/controller-process.js';
import { taskRowCounts, NO_ROWS, ONE_ROW_EACH } from '../../support/task-row-counts.js';
import { eventually } from '../../support/eventually.js';
import { routeTask } from '../../support/kill-points.js';
import { Load, notKept } from '../../support/load.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { patient } from '../../support/patience.js';

const IN_FLIGHT = 50;

/** While there is a row in `gate`, whoever routes a task waits. */
const GATE = `
  CREATE TABLE gate ();
  CREATE FUNCTION wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    WHILE EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.1); END LOOP;
    RETURN NEW;
  END $$;
  CREATE TRIGGER tasks_gate BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION wait_at_gate()`;

describe('shutdown', () => {
  let databaseUrl: string;
  let db: pg.Pool;
  const controllers = new Map<string, ControllerProcess>();

  beforeAll(async () => {
    databaseUrl = await newDatabase();
    db = new pg.Pool({ connectionString: databaseUrl });
    await db.query(GATE);
  });

  afterAll(async () => {
    await Promise.all([...controllers.values()].map((controller) => controller.stop()));
    await db.end();
    await dropTestDatabase(databaseUrl);
  });

  /** A controller of this name, on the port that it always had. */
  async function running(name: string): Promise<ControllerProcess> {
    const before = controllers.get(name);
    if (before && !before.hasEnded) return before;
    const controller = await ControllerProcess.startMain({
      DATABASE_URL: databaseUrl,
      DATABASE_POOL_SIZE: String(IN_FLIGHT + 10),
      PORT: before ? new URL(before.url).port : String(await freePort()),
    });
    controllers.set(name, controller);
    return controller;
  }

  const agentOf = ({ url }: ControllerProcess): Client =>
    new Client(url, tokenFor('finance', 'finance-agent'), false);

  /**
   * So many requests that wait in Postgres. What waits there longer than a statement may take is given up, and while
   * connections are being made some requests are told 503: then they are let through, and others take their place.
   */
  async function inFlight(agent: Client): Promise<{ answers: Promise<Answer[]> }> {
    for (;;) {
      await db.query('INSERT INTO gate DEFAULT VALUES');
      const answers = Promise.all(Array.from({ length: IN_FLIGHT }, () => routed(agent)));
      const waiting = await eventually(waitingAtGate, (count) => count === IN_FLIGHT, 3_000);
      if (waiting === IN_FLIGHT) return { answers };
      await db.query('DELETE FROM gate');
      await answers;
    }
  }

  /** Sends again what was not looked at. */
  async function routed(agent: Client): Promise<Answer> {
    const key = randomUUID();
    for (;;) {
      const answer = await routeTask(agent, key);
      if (answer.status !== 503) return answer;
    }
  }

  const waitingAtGate = async (): Promise<number> =>
    (
      await db.query(
        `SELECT FROM pg_stat_activity
         WHERE state = 'active' AND query LIKE '%INSERT INTO tasks%'
           AND pid <> pg_backend_pid() AND datname = current_database()`,
      )
    ).rowCount ?? 0;

  it('a rolling replacement of two controllers causes no failures for clients that retry', async () => {
    const first = await Promise.all([running('one'), running('other')]);
    const load = new Load(
      first.map(({ url }) => url),
      4,
    );
    const goesOn = async (): Promise<void> => {
      const before = load.done;
      await eventually(
        () => load.done,
        (done) => done > before + 20,
      );
    };
    for (const name of ['one', 'other']) {
      await goesOn();
      const old = await running(name);
      old.kill('SIGTERM');
      await old.ended;
      expect(old.exitCode).toBe(0);
      await goesOn();
      await running(name);
    }
    await goesOn();
    const { acknowledged, ...report } = await load.end();
    process.stderr.write(`${JSON.stringify({ rolling: acknowledged.length, ...report })}\n`);
    expect(report.odd).toEqual([]);
    expect(await notKept(db, acknowledged)).toEqual([]);
  }, 120_000);

  it(`finishes ${IN_FLIGHT} requests, is not ready at once, and exits after the last`, async () => {
    const controller = await running('one');
    const agent = agentOf(controller);
    const { answers } = await inFlight(agent);

    // As npm hands on what the terminal tells all processes: the same signal, by two ways.
    controller.kill('SIGTERM');
    controller.kill('SIGINT');
    const ready = await eventually(
      () => agent.get('/health/ready').catch(() => undefined),
      (answer) => answer?.status !== 200,
    );
    expect(ready?.status ?? 'refused').not.toBe(200);
    expect(await waitingAtGate()).toBe(IN_FLIGHT);

    await db.query('DELETE FROM gate');
    const statuses = (await answers).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([202]));
    const answered = performance.now();
    await controller.ended;
    const took = performance.now() - answered;
    process.stderr.write(`${JSON.stringify({ inFlight: IN_FLIGHT, endedAfter: took })}\n`);
    expect(controller.exitCode).toBe(0);
    expect(took).toBeLessThan(patient(5_000));
    expect(controller.output).not.toMatch(/"level":"error"|unhandled|uncaught/i);
  }, 120_000);

  it('exits at once after a second signal, without partial effects', async () => {
    const controller = await running('other');
    const key = randomUUID();
    await db.query('INSERT INTO gate DEFAULT VALUES');
    const answer = routeTask(agentOf(controller), key).catch(() => undefined);
    await eventually(waitingAtGate, (waiting) => waiting === 1);

    controller.kill('SIGTERM');
    await eventually(
      () =>
        agentOf(controller)
          .get('/status')
          .catch(() => undefined),
      (status) => status === undefined,
    );
    await sleep(600);
    expect(controller.hasEnded).toBe(false);
    controller.kill('SIGTERM');
    await controller.ended;
    expect(controller.exitCode).toBe(143);
    expect(await answer).toBeUndefined();

    await db.query('DELETE FROM gate');
    await eventually(waitingAtGate, (waiting) => waiting === 0);
    // COMMIT may have been on its way.
    expect([NO_ROWS, ONE_ROW_EACH]).toContainEqual(await taskRowCounts(db, key));
  }, 120_000);
});

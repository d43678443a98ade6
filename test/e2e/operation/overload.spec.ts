import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { metrics, Team } from '../../support/work.js';
import { patient } from '../../support/patience.js';

/** Longer than the gap between heartbeats that is an outage. */
const OVERLOAD_MS = 9_000;
/** Longer than the age from which a heartbeat is stale. */
const STALE_MS = 6_000;

describe('under overload', () => {
  let mesh: TestApp;
  let team: Team;
  let blocker: pg.Client;

  beforeAll(async () => {
    mesh = await startTestApp({ env: { DATABASE_POOL_SIZE: '2' } });
    team = new Team(mesh);
    blocker = new pg.Client({ connectionString: mesh.databaseUrl });
    await blocker.connect();
  });

  afterAll(async () => {
    await blocker.end();
    await mesh.close();
  });

  /** A caller that does not repeat a request. */
  const callerOnce = () => new Client(mesh.url, tokenFor(team.requesterRole), false);

  /** Holds a lock until `work` is done. */
  async function whileLocked(statement: string, work: () => Promise<void>): Promise<void> {
    await blocker.query('BEGIN');
    try {
      await blocker.query(statement);
      await work();
    } finally {
      await blocker.query('ROLLBACK');
    }
  }

  it('heartbeats do not wait for the requests that fill the pool', async () => {
    const id = await team.route();
    const outages = (await metrics(mesh))('mesh_outages_total');
    const ages: number[] = [];
    await whileLocked('LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE', async () => {
      const end = performance.now() + OVERLOAD_MS;
      const callers = Array.from({ length: 8 }, async () => {
        const caller = callerOnce();
        while (performance.now() < end) await caller.get(`/tasks/${id}`);
      });
      const observer = (async () => {
        while (performance.now() < end) {
          const { rows } = await blocker.query<{ age: number }>(
            `SELECT extract(epoch FROM clock_timestamp() - beat_at)::float8 AS age FROM service_heartbeat`,
          );
          ages.push(rows[0]?.age ?? Infinity);
          await sleep(200);
        }
      })();
      await Promise.all([...callers, observer]);
    });
    expect(Math.max(...ages)).toBeLessThan(5);
    expect((await metrics(mesh))('mesh_outages_total')).toBe(outages);
    expect((await team.requester.get(`/tasks/${id}`)).status).toBe(200);
  }, 60_000);

  it('requests and probes are answered while no heartbeat can be recorded', async () => {
    const id = await team.route();
    await whileLocked('SELECT 1 FROM service_heartbeat FOR UPDATE', async () => {
      await sleep(STALE_MS);
      const caller = callerOnce();
      const began = performance.now();
      for (let n = 0; n < 20; n += 1) {
        expect((await caller.get(`/tasks/${id}`)).status).toBe(200);
        expect((await caller.get('/health/ready')).status).toBe(200);
      }
      expect(performance.now() - began).toBeLessThan(patient(5_000));
    });
  }, 60_000);
});

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from '@jest/globals';
import pg from 'pg';
import { startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { concurrentScenarios, type Defer } from '../../support/concurrent-scenarios.js';
import { metrics, Team } from '../../support/work.js';
import { patient } from '../../support/patience.js';

/** Longer than the gap between heartbeats that is an outage. */
const OVERLOAD_MS = 9_000;
/** Longer than the age from which a heartbeat is stale. */
const STALE_MS = 6_000;

/** An instance with a small pool, and a client that holds locks. */
class Locked {
  private constructor(
    readonly mesh: TestApp,
    readonly team: Team,
    readonly blocker: pg.Client,
  ) {}

  static async start(defer: Defer): Promise<Locked> {
    const mesh = await startTestApp({ env: { DATABASE_POOL_SIZE: '2' } });
    defer(() => mesh.close());
    const blocker = new pg.Client({ connectionString: mesh.databaseUrl });
    await blocker.connect();
    defer(() => blocker.end());
    return new Locked(mesh, new Team(mesh), blocker);
  }

  /** A caller that does not repeat a request. */
  callerOnce(): Client {
    return new Client(this.mesh.url, tokenFor(this.team.requesterRole), false);
  }

  async outages(): Promise<number> {
    return (await metrics(this.mesh))('mesh_outages_total');
  }

  /** Holds a lock until `work` is done. */
  async while(statement: string, work: () => Promise<void>): Promise<void> {
    await this.blocker.query('BEGIN');
    try {
      await this.blocker.query(statement);
      await work();
    } finally {
      await this.blocker.query('ROLLBACK');
    }
  }
}

describe('under overload', () => {
  const scenario = concurrentScenarios();

  scenario(
    'heartbeats do not wait for the requests that fill the pool',
    async (defer) => {
      const locked = await Locked.start(defer);
      const { team, blocker } = locked;
      const id = await team.route();
      const outages = await locked.outages();
      const ages: number[] = [];
      await locked.while('LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE', async () => {
        const end = performance.now() + OVERLOAD_MS;
        const callers = Array.from({ length: 8 }, async () => {
          const caller = locked.callerOnce();
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
      expect(await locked.outages()).toBe(outages);
      expect((await team.requester.get(`/tasks/${id}`)).status).toBe(200);
    },
    60_000,
  );

  scenario(
    'requests and probes are answered while no heartbeat can be recorded',
    async (defer) => {
      const locked = await Locked.start(defer);
      const id = await locked.team.route();
      await locked.while('SELECT 1 FROM service_heartbeat FOR UPDATE', async () => {
        await sleep(STALE_MS);
        const caller = locked.callerOnce();
        const began = performance.now();
        for (let n = 0; n < 20; n += 1) {
          expect((await caller.get(`/tasks/${id}`)).status).toBe(200);
          expect((await caller.get('/health/ready')).status).toBe(200);
        }
        expect(performance.now() - began).toBeLessThan(patient(5_000));
      });
    },
    60_000,
  );
});

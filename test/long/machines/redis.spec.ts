import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newDatabase } from '../../support/app.js';
import type { ControllerProcess } from '../../support/controller-process.js';
import { eventually, until } from '../../support/eventually.js';
import { runHistory } from '../../support/history-run.js';
import { dropTestDatabase } from '../../support/postgres.js';
import { chaosSeed } from '../../support/random.js';
import { operate, RedisCaches } from '../../support/redis-caches.js';
import type { TestRedis } from '../../support/redis.js';

/** Time for an election and for the controllers to follow it, in milliseconds. */
const FAILOVER_MS = 30_000;
const PHASE_MS = 10_000;

describe('Redis on several machines, under load', () => {
  const seed = chaosSeed();
  let redises: RedisCaches;
  let databaseUrl: string;

  beforeEach(async () => {
    redises = new RedisCaches();
    databaseUrl = await newDatabase();
  });

  afterEach(async () => {
    await redises.stop();
    await dropTestDatabase(databaseUrl);
  });

  async function expectConsistent(
    env: Record<string, string>,
    during: (controllers: readonly ControllerProcess[]) => Promise<void>,
  ): Promise<void> {
    const { violations, ...report } = await runHistory({
      seed,
      env: { DATABASE_URL: databaseUrl, ...env },
      during: async (controllers) => {
        await untilConnected(controllers);
        await sleep(PHASE_MS);
        await during(controllers);
      },
      result: () => databaseUrl,
    });
    process.stderr.write(`${JSON.stringify({ seed, ...report })}\n`);
    expect({ seed, violations }).toEqual({ seed, violations: [] });
    expect(report.acknowledged).toBeGreaterThan(50);
  }

  it('a cluster of three loses a node, and the node returns: one effect for each request', async () => {
    const [first, , third] = await redises.startThreeNodes();
    if (!first || !third) throw new Error('there are three nodes');
    await expectConsistent({ REDIS_URL: first.url }, async (controllers) => {
      third.kill('SIGKILL');
      await sleep(PHASE_MS);
      await third.restart();
      await sleep(PHASE_MS);
      await untilConnected(controllers);
    });
  }, 300_000);

  it('a Sentinel promotes the replica, and the former primary returns: one effect for each request', async () => {
    const { primary, replica, sentinel } = await redises.startSentinel();
    const env = { REDIS_URL: sentinel.url, REDIS_SENTINEL_NAME: 'mesh' };
    await expectConsistent(env, async (controllers) => {
      primary.kill('SIGKILL');
      await until(async () => (await roleOf(replica)) === 'master', FAILOVER_MS);
      await untilConnected(controllers);
      await sleep(PHASE_MS);
      await primary.restart();
      await until(async () => (await roleOf(primary)) === 'slave', FAILOVER_MS);
      await sleep(PHASE_MS);
      await untilConnected(controllers);
    });
  }, 300_000);
});

async function untilConnected(controllers: readonly ControllerProcess[]): Promise<void> {
  for (const { url } of controllers) {
    const health = await eventually(
      async () => (await (await fetch(`${url}/health`)).json()) as Record<string, unknown>,
      ({ redis, redis_reason }) => redis === 'connected' && redis_reason === undefined,
      FAILOVER_MS,
    );
    expect(health).toMatchObject({ status: 'healthy', redis: 'connected' });
  }
}

function roleOf(redis: TestRedis): Promise<string | undefined> {
  return operate(redis, async (client) => /role:(\w+)/.exec(await client.info('replication'))?.[1]);
}

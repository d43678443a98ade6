import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../../../src/embedded-postgres/free-port.js';
import type { Answer } from '../../support/client.js';
import { until } from '../../support/eventually.js';
import {
  expectReplay,
  lockTable,
  keyHeader,
  rowCounts,
  statuses,
} from '../../support/idempotency.js';
import { startTestRedis } from '../../support/redis.js';
import { clusterArguments } from '../../support/redis-caches.js';
import { RedisBackedApp } from '../../support/redis-backed-app.js';

describe('idempotency keys with an unusual Redis', () => {
  const app = new RedisBackedApp();

  beforeEach(() => {
    app.begin();
  });

  afterEach(() => app.end());

  it('replays from Postgres while Redis evicts keys', async () => {
    await app.start(['--maxmemory', '3mb', '--maxmemory-policy', 'allkeys-lru']);
    await app.untilReplayedFromRedis();
    const metadata = { texts: ['x'.repeat(50_000), 'y'.repeat(50_000)] };
    const send = (key: string) =>
      app.finance.post('/sessions', { role: 'finance', metadata }, keyHeader(key));
    const keys = Array.from({ length: 40 }, () => randomUUID());
    const firsts: Answer[] = [];
    for (const key of keys) firsts.push(await send(key));
    expect(statuses(firsts)).toEqual({ 201: 40 });
    await until(() =>
      app.operate(async (client) => /evicted_keys:[1-9]/.test(await client.info('stats'))),
    );
    const sources = await app.sourcesOf(async () => {
      for (const [index, key] of keys.entries()) {
        expect((await send(key)).text).toBe(firsts[index]?.text);
      }
    });
    expect(sources.postgres).toBeGreaterThan(0);
    expect((sources.redis ?? 0) + (sources.postgres ?? 0)).toBe(40);
    expect((await rowCounts(app.mesh))?.records).toBeGreaterThanOrEqual(40);
  });

  it('works with a wrong password', async () => {
    await app.start(['--requirepass', 'the-right-one'], ({ url }) =>
      url.replace('//', '//:wrong@'),
    );
    for (let made = 0; made < 4; made++) await app.expectOneEffect();
    expect(await app.redisHealth()).toBe('disconnected');
    expect(await app.replaysFromRedis()).toBe(false);
  });

  it('starts without Redis, and uses it once it runs', async () => {
    app.redis = await startTestRedis();
    app.stops.push(() => app.redis.stop());
    app.redis.kill('SIGKILL');
    await app.startApp(app.redis.url);
    await app.expectOneEffect();
    expect(await app.redisHealth()).toBe('disconnected');
    await app.redis.restart();
    await app.untilReplayedFromRedis();
  });

  it('replays from Redis when no database connection is free', async () => {
    app.redis = await startTestRedis();
    app.stops.push(() => app.redis.stop());
    await app.startApp(app.redis.url, { DATABASE_POOL_SIZE: '1' });
    await app.untilReplayedFromRedis();
    const key = randomUUID();
    const first = await app.route(key);
    await app.untilStored(key);
    const held = await lockTable(app.mesh, 'tasks');
    const slow = app.route(randomUUID());
    await held.waiters(1);
    expectReplay(await app.route(key), first);
    await held.release();
    expect((await slow).status).toBe(202);
  });

  it('GET /health: Redis is disabled without REDIS_URL, and replays come from Postgres', async () => {
    await app.startApp('');
    await app.expectOneEffect();
    expect(await app.redisHealth()).toBe('disabled');
    expect(await app.replaysFromRedis()).toBe(false);
  });

  it('replays from a cluster, also after its restart', async () => {
    await app.start(clusterArguments(await freePort()), ({ url }) => `${url},${url}`);
    await app.expectOneEffect();
    await app.operate((client) => client.cluster('ADDSLOTSRANGE', 0, 16383));
    await app.untilReplayedFromRedis();
    await app.expectOneEffect();
    app.redis.kill('SIGKILL');
    await until(async () => (await app.redisHealth()) === 'disconnected');
    await app.expectOneEffect();
    await app.redis.restart();
    await app.untilReplayedFromRedis();
  });
});

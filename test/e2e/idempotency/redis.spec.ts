import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../support/eventually.js';
import { expectReplay, rowCounts, statuses } from '../../support/idempotency.js';
import {
  COMMAND_TIMEOUT_MS,
  MAX_DELAY_MS,
  RedisBackedApp,
} from '../../support/redis-backed-app.js';
import { patient } from '../../support/patience.js';

describe('idempotency keys with a real Redis', () => {
  const app = new RedisBackedApp();

  afterEach(() => app.end());

  beforeEach(async () => {
    app.begin();
    await app.start();
    await app.untilReplayedFromRedis();
  });

  it('replays from Redis until the record expires', async () => {
    const key = randomUUID();
    const first = await app.route(key);
    await app.untilStored(key);
    const sources = await app.sourcesOf(async () => {
      for (let made = 0; made < 3; made++) expectReplay(await app.route(key), first);
    });
    expect(sources).toEqual({ redis: 3, postgres: 0, memory: 0 });
    const ttl = await app.operate((client) => client.ttl(app.keyName(key)));
    expect(ttl).toBeGreaterThan(86_390);
    expect(ttl).toBeLessThan(86_400);
    await app.expectOneEffect();
  });

  it('replays a flushed key from Postgres, and then from Redis', async () => {
    const key = randomUUID();
    const first = await app.route(key);
    await app.operate((client) => client.flushall());
    const sources = await app.sourcesOf(async () => {
      expectReplay(await app.route(key), first);
      await app.untilStored(key);
      expectReplay(await app.route(key), first);
    });
    expect(sources).toEqual({ redis: 1, postgres: 1, memory: 0 });
    const ttl = await app.operate((client) => client.ttl(app.keyName(key)));
    expect(ttl).toBeGreaterThan(86_390);
    expect(ttl).toBeLessThan(86_400);
    await app.untilReplayedFromRedis();
  });

  it('works without delay while Redis is down, and uses it after its restart', async () => {
    const key = randomUUID();
    const first = await app.route(key);
    const usual = await app.medianMs();
    app.redis.kill('SIGKILL');
    await until(async () => (await app.redisHealth()) === 'disconnected');
    expectReplay(await app.route(key), first);
    expect(await app.medianMs()).toBeLessThan(patient(usual + COMMAND_TIMEOUT_MS));
    await app.expectOneEffect();
    expect((await app.finance.get('/health')).body).toMatchObject({ redis: 'disconnected' });
    await app.redis.restart();
    await app.untilReplayedFromRedis();
    // What was done while it was away is known only to Postgres.
    expectReplay(await app.route(key), first);
  });

  it('lets at most three requests wait while Redis hangs, and uses it when it continues', async () => {
    const key = randomUUID();
    const first = await app.route(key);
    const usual = await app.medianMs();
    app.redis.kill('SIGSTOP');
    try {
      const paying: number[] = [];
      for (let made = 0; made < 3; made++) {
        paying.push(
          await app.milliseconds(async () => {
            expectReplay(await app.route(key), first);
          }),
        );
      }
      expect(Math.max(...paying)).toBeLessThan(patient(usual + MAX_DELAY_MS));
      expect(await app.medianMs()).toBeLessThan(patient(usual + COMMAND_TIMEOUT_MS));
      const together = await Promise.all(Array.from({ length: 30 }, () => app.route(key)));
      expect(statuses(together)).toEqual({ 200: 30 });
      await app.expectOneEffect();
    } finally {
      app.redis.kill('SIGCONT');
    }
    await app.untilReplayedFromRedis();
  });

  it('creates one task per key while Redis restarts during concurrent requests', async () => {
    // As many as there are connections, nine times over: some may be told 503.
    const keys = Array.from({ length: 10 }, () => randomUUID());
    const before = await rowCounts(app.mesh);
    const send = () =>
      Promise.all(keys.flatMap((key) => [app.route(key), app.route(key), app.route(key)]));
    const [one, other, last] = await Promise.all([
      send(),
      app.redis.restart().then(send),
      app
        .operate((client) => client.flushall())
        .catch(() => undefined)
        .then(send),
    ]);
    const answers = [...one, ...other, ...last];
    const { 202: made, 200: replayed = 0, 409: busy = 0, 503: crowded = 0 } = statuses(answers);
    expect([made, replayed + busy + crowded]).toEqual([10, answers.length - 10]);
    const bodies = answers.filter(({ status }) => status < 300).map(({ text }) => text);
    expect(new Set(bodies).size).toBe(10);
    expect(await rowCounts(app.mesh)).toMatchObject({
      tasks: (before?.tasks ?? 0) + 10,
      events: (before?.events ?? 0) + 10,
    });
    await app.untilReplayedFromRedis();
  });

  it('works while the memory of Redis is full', async () => {
    const key = randomUUID();
    const first = await app.route(key);
    await app.untilStored(key);
    await app.operate((client) => client.config('SET', 'maxmemory', '1'));
    for (let made = 0; made < 4; made++) await app.expectOneEffect();
    const sources = await app.sourcesOf(async () => {
      expectReplay(await app.route(key), first);
    });
    expect(sources.redis).toBe(1);
    await app.operate((client) => client.config('SET', 'maxmemory', '0'));
    await app.untilReplayedFromRedis();
  });

  it('works while Redis is a read-only replica', async () => {
    await app.operate((client) => client.replicaof('127.0.0.1', 1));
    for (let made = 0; made < 4; made++) await app.expectOneEffect();
    await app.operate((client) => client.replicaof('NO', 'ONE'));
    await app.untilReplayedFromRedis();
  });
});

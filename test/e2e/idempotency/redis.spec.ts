import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { newSubject, startTestApp, type TestApp } from '../../support/app.js';
import type { Answer, Client } from '../../support/client.js';
import {
  budget,
  caller,
  expectProblem,
  expectReplay,
  holdTable,
  idempotencyMetrics,
  isReplay,
  keyed,
  rowCounts,
  statuses,
  until,
} from '../../support/keyed.js';
import { startTestRedis, type TestRedis } from '../../support/redis.js';

/** What a call to Redis waits for an answer: a request that took less than that more than usual did not wait. */
const COMMAND_TIMEOUT_MS = 100;
/** Gross, since the machine may be busy. */
const COST_MS = 500;

describe('idempotency with a Redis of its own', () => {
  let redis: TestRedis;
  let mesh: TestApp;
  let finance: Client;
  let sub: string;
  let stops: (() => Promise<void>)[];

  function begin(): void {
    stops = [];
    sub = newSubject('finance');
    Logger.overrideLogger(false);
  }

  async function end(): Promise<void> {
    for (const stop of stops.reverse()) await stop();
  }

  /** A controller with a Redis that is started with these arguments. */
  async function start(args: string[] = [], urls?: (redis: TestRedis) => string): Promise<void> {
    redis = await startTestRedis(args);
    stops.push(() => redis.stop());
    await startApp(urls?.(redis) ?? redis.url);
  }

  async function startApp(urls: string, env: Record<string, string> = {}): Promise<void> {
    mesh = await startTestApp({ env: { REDIS_URL: urls, ...env } });
    stops.push(() => mesh.close());
    finance = caller(mesh, 'finance', sub);
  }

  async function operate<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(redis.url);
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  }

  const route = (key: string, amount = 1) =>
    finance.post('/tasks/route', budget(amount), keyed(key));

  /** Where the replays that `work` causes are found. */
  async function sourcesOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
    const before = await idempotencyMetrics(mesh);
    await work();
    const after = await idempotencyMetrics(mesh);
    const gained = (source: string) => (after[source] ?? 0) - (before[source] ?? 0);
    return { redis: gained('redis'), postgres: gained('postgres'), memory: gained('memory') };
  }

  /** A request and its retry, as they have to be whatever Redis does. */
  async function once(): Promise<void> {
    const key = randomUUID();
    const before = await rowCounts(mesh);
    const first = await route(key);
    expect([first.status, isReplay(first)]).toEqual([202, false]);
    expectReplay(await route(key), first);
    expectProblem(await route(key, 2), 422, 'idempotency.payload_mismatch');
    expect(await rowCounts(mesh)).toEqual({
      ...before,
      tasks: (before?.tasks ?? 0) + 1,
      sessions: (before?.sessions ?? 0) + 1,
      events: (before?.events ?? 0) + 1,
      records: (before?.records ?? 0) + 1,
    });
  }

  /** What a new request takes, in milliseconds. */
  async function usualMs(): Promise<number> {
    const times: number[] = [];
    for (let made = 0; made < 15; made++) times.push(await milliseconds(() => route(randomUUID())));
    return times.sort((one, other) => one - other)[7] ?? 0;
  }

  async function milliseconds(work: () => Promise<unknown>): Promise<number> {
    const started = performance.now();
    await work();
    return performance.now() - started;
  }

  const replaysFromRedis = async (): Promise<boolean> => {
    const key = randomUUID();
    const first = await route(key);
    const sources = await sourcesOf(async () => {
      expectReplay(await route(key), first);
    });
    return sources.redis === 1;
  };

  const works = () => until(replaysFromRedis);

  /** Comes back when the answer to a key is in Redis, where nobody waits for it to arrive. */
  const isKept = (key: string) =>
    until(() => operate(async (client) => (await client.exists(`idempotency:${key}`)) === 1));

  const redisHealth = async () => (await finance.get('/health')).body.redis;

  describe('that works', () => {
    afterEach(end);

    beforeEach(async () => {
      begin();
      await start();
      await works();
    });

    it('replays from Redis, and keeps a key no longer than its record', async () => {
      const key = randomUUID();
      const first = await route(key);
      await isKept(key);
      const sources = await sourcesOf(async () => {
        for (let made = 0; made < 3; made++) expectReplay(await route(key), first);
      });
      expect(sources).toEqual({ redis: 3, postgres: 0, memory: 0 });
      const ttl = await operate((client) => client.ttl(`idempotency:${key}`));
      expect(ttl).toBeGreaterThan(86_390);
      expect(ttl).toBeLessThan(86_400);
      await once();
    });

    it('replays from Postgres what was flushed, and then from Redis again', async () => {
      const key = randomUUID();
      const first = await route(key);
      await operate((client) => client.flushall());
      const sources = await sourcesOf(async () => {
        expectReplay(await route(key), first);
        await isKept(key);
        expectReplay(await route(key), first);
      });
      expect(sources).toEqual({ redis: 1, postgres: 1, memory: 0 });
      const ttl = await operate((client) => client.ttl(`idempotency:${key}`));
      expect(ttl).toBeGreaterThan(86_390);
      expect(ttl).toBeLessThan(86_400);
      await works();
    });

    it('goes on at once while Redis is stopped, and uses it again after a restart', async () => {
      const key = randomUUID();
      const first = await route(key);
      const usual = await usualMs();
      redis.kill('SIGKILL');
      await until(async () => (await redisHealth()) === 'disconnected');
      expectReplay(await route(key), first);
      expect(await usualMs()).toBeLessThan(usual + COMMAND_TIMEOUT_MS);
      await once();
      expect((await finance.get('/health')).body).toMatchObject({ redis: 'disconnected' });
      await redis.restart();
      await works();
      // What was done while it was away is known only to Postgres.
      expectReplay(await route(key), first);
    });

    it('lets three requests wait for a Redis that hangs, no more, and uses it again when it wakes', async () => {
      const key = randomUUID();
      const first = await route(key);
      const usual = await usualMs();
      redis.kill('SIGSTOP');
      try {
        const paying: number[] = [];
        for (let made = 0; made < 3; made++) {
          paying.push(
            await milliseconds(async () => {
              expectReplay(await route(key), first);
            }),
          );
        }
        expect(Math.max(...paying)).toBeLessThan(usual + COST_MS);
        expect(await usualMs()).toBeLessThan(usual + COMMAND_TIMEOUT_MS);
        const together = await Promise.all(Array.from({ length: 30 }, () => route(key)));
        expect(statuses(together)).toEqual({ 200: 30 });
        await once();
      } finally {
        redis.kill('SIGCONT');
      }
      await works();
    });

    it('stays exact while Redis dies and comes back in the middle of many requests', async () => {
      // As many as there are connections, nine times over: some may be told 503.
      const keys = Array.from({ length: 10 }, () => randomUUID());
      const before = await rowCounts(mesh);
      const send = () => Promise.all(keys.flatMap((key) => [route(key), route(key), route(key)]));
      const [one, other, last] = await Promise.all([
        send(),
        redis.restart().then(send),
        operate((client) => client.flushall())
          .catch(() => undefined)
          .then(send),
      ]);
      const answers = [...one, ...other, ...last];
      const { 202: made, 200: replayed = 0, 409: busy = 0, 503: crowded = 0 } = statuses(answers);
      expect([made, replayed + busy + crowded]).toEqual([10, answers.length - 10]);
      const bodies = answers.filter(({ status }) => status < 300).map(({ text }) => text);
      expect(new Set(bodies).size).toBe(10);
      expect(await rowCounts(mesh)).toMatchObject({
        tasks: (before?.tasks ?? 0) + 10,
        events: (before?.events ?? 0) + 10,
      });
      await works();
    });

    it('does without writes while the memory is full', async () => {
      const key = randomUUID();
      const first = await route(key);
      await isKept(key);
      await operate((client) => client.config('SET', 'maxmemory', '1'));
      for (let made = 0; made < 4; made++) await once();
      const sources = await sourcesOf(async () => {
        expectReplay(await route(key), first);
      });
      expect(sources.redis).toBe(1);
      await operate((client) => client.config('SET', 'maxmemory', '0'));
      await works();
    });

    it('does without writes while it is a read-only replica', async () => {
      await operate((client) => client.replicaof('127.0.0.1', 1));
      for (let made = 0; made < 4; made++) await once();
      await operate((client) => client.replicaof('NO', 'ONE'));
      await works();
    });
  });

  describe('that works but holds something else under the key', () => {
    afterAll(end);

    beforeAll(async () => {
      begin();
      await start();
      await works();
    });

    const own = (changes: Record<string, unknown>) => (value: string) =>
      JSON.stringify({ ...Object(JSON.parse(value)), ...changes } as object);

    it.each<[string, (value: string) => string]>([
      ['nothing', () => ''],
      ['garbage', () => 'garbage'],
      ['half of it', (value) => value.slice(0, -20)],
      ['null', () => 'null'],
      ['a list', () => '[]'],
      ['an empty object', () => '{}'],
      ['more than an answer can be', (value) => value + ' '.repeat(3 * 1024 * 1024)],
      ['the value of another version', own({ v: 2 })],
      ['the answer to another scope', own({ scope: 'ab'.repeat(32), body: '{"stolen":true}' })],
      ['the answer to another body', own({ fingerprint: 'ab'.repeat(32), body: '{"other":1}' })],
      ['an answer that has expired', own({ expires_at: Date.now() - 1, body: '{"old":1}' })],
      ['a failure', own({ status: 500, body: '{"code":"server.error"}' })],
      ['a body that is no text', own({ body: { task_id: 'x' } })],
    ])('%s: the replay is right, and from Postgres', async (_, tamper) => {
      const key = randomUUID();
      const first = await route(key);
      await isKept(key);
      const name = `idempotency:${key}`;
      await operate(async (client) => client.set(name, tamper((await client.get(name)) ?? '')));
      const sources = await sourcesOf(async () => {
        expectReplay(await route(key), first);
      });
      expect(sources).toEqual({ redis: 0, postgres: 1, memory: 0 });
      expectProblem(await route(key, 2), 422, 'idempotency.payload_mismatch');
    });

    it.each<[string, (client: Redis, name: string) => Promise<unknown>]>([
      ['a list', (client, name) => client.lpush(name, 'a')],
      ['a hash', (client, name) => client.hset(name, 'a', '1')],
      ['a stream', (client, name) => client.xadd(name, '*', 'a', '1')],
      ['garbage', (client, name) => client.set(name, '\u0000\ufffd{"v":1}')],
    ])('%s, before it is used: it is new, and then replayed', async (_, put) => {
      const key = randomUUID();
      await operate((client) => put(client, `idempotency:${key}`));
      const before = await rowCounts(mesh);
      const first = await route(key);
      expect([first.status, isReplay(first)]).toEqual([202, false]);
      expectReplay(await route(key), first);
      expect(await rowCounts(mesh)).toMatchObject({ tasks: (before?.tasks ?? 0) + 1 });
    });

    it('the answer to another caller: neither gets the other’s, in turns', async () => {
      const key = randomUUID();
      const another = caller(mesh);
      const mine = await route(key);
      const theirs = await another.post('/tasks/route', budget(2), keyed(key));
      expect([mine.status, theirs.status]).toEqual([202, 202]);
      for (let made = 0; made < 3; made++) {
        expectReplay(await route(key), mine);
        expectReplay(await another.post('/tasks/route', budget(2), keyed(key)), theirs);
      }
    });
  });

  describe('that is odd', () => {
    beforeEach(begin);
    afterEach(end);

    it('goes on while a small Redis evicts what it was told to keep', async () => {
      await start(['--maxmemory', '3mb', '--maxmemory-policy', 'allkeys-lru']);
      await works();
      const metadata = { texts: ['x'.repeat(50_000), 'y'.repeat(50_000)] };
      const send = (key: string) =>
        finance.post('/sessions', { role: 'finance', metadata }, keyed(key));
      const keys = Array.from({ length: 40 }, () => randomUUID());
      const firsts: Answer[] = [];
      for (const key of keys) firsts.push(await send(key));
      expect(statuses(firsts)).toEqual({ 201: 40 });
      await until(() =>
        operate(async (client) => /evicted_keys:[1-9]/.test(await client.info('stats'))),
      );
      const sources = await sourcesOf(async () => {
        for (const [index, key] of keys.entries()) {
          expect((await send(key)).text).toBe(firsts[index]?.text);
        }
      });
      expect(sources.postgres).toBeGreaterThan(0);
      expect((sources.redis ?? 0) + (sources.postgres ?? 0)).toBe(40);
      expect((await rowCounts(mesh))?.records).toBeGreaterThanOrEqual(40);
    });

    it('goes on with a wrong password', async () => {
      await start(['--requirepass', 'the-right-one'], ({ url }) => url.replace('//', '//:wrong@'));
      for (let made = 0; made < 4; made++) await once();
      expect(await redisHealth()).toBe('disconnected');
      expect(await replaysFromRedis()).toBe(false);
    });

    it('starts without Redis, and uses it once it is there', async () => {
      redis = await startTestRedis();
      stops.push(() => redis.stop());
      redis.kill('SIGKILL');
      await startApp(redis.url);
      await once();
      expect(await redisHealth()).toBe('disconnected');
      await redis.restart();
      await works();
    });

    it('replays without Postgres, when every connection is taken', async () => {
      redis = await startTestRedis();
      stops.push(() => redis.stop());
      await startApp(redis.url, { DATABASE_POOL_SIZE: '1' });
      await works();
      const key = randomUUID();
      const first = await route(key);
      await isKept(key);
      const held = await holdTable(mesh, 'tasks');
      const slow = route(randomUUID());
      await held.waiters(1);
      expectReplay(await route(key), first);
      await held.release();
      expect((await slow).status).toBe(202);
    });

    it('says that Redis is disabled when there is none, and replays from Postgres', async () => {
      await startApp('');
      await once();
      expect(await redisHealth()).toBe('disabled');
      expect(await replaysFromRedis()).toBe(false);
    });

    it('replays from a cluster, also after it was down', async () => {
      const cluster = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'];
      await start(cluster, ({ url }) => `${url},${url}`);
      await once();
      await operate((client) => client.cluster('ADDSLOTSRANGE', 0, 16383));
      await works();
      await once();
      redis.kill('SIGKILL');
      await until(async () => (await redisHealth()) === 'disconnected');
      await once();
      await redis.restart();
      await works();
    });
  });
});

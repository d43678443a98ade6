import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisCacheService } from '../../src/redis/redis-cache.service.js';
import { startTestRedis, type TestRedis } from '../support/redis.js';

/** What a call may take when Redis does not answer. */
const COST_MS = 250;
/** Less than the timeout of a command: a call that took less did not wait for Redis. */
const INSTANT_MS = 100;

describe('RedisCache with a real Redis', () => {
  let warnings: string[];
  let stops: (() => unknown)[];

  beforeEach(() => {
    stops = [];
    warnings = [];
    const nothing = () => undefined;
    const warn = (message: unknown) => warnings.push(String(message));
    Logger.overrideLogger({ log: nothing, error: nothing, warn });
  });

  afterEach(async () => {
    for (const stop of stops.reverse()) await stop();
    Logger.overrideLogger(false);
  });

  async function start(...args: string[]): Promise<TestRedis> {
    const redis = await startTestRedis(args);
    stops.push(() => redis.stop());
    return redis;
  }

  function cacheOf(...urls: string[]): RedisCacheService {
    const cache = new RedisCacheService(urls);
    stops.push(() => {
      cache.onApplicationShutdown();
    });
    cache.onModuleInit();
    return cache;
  }

  async function connected(...urls: string[]): Promise<RedisCacheService> {
    const cache = cacheOf(...urls);
    await until(async () => (await cache.ping()) === 'connected');
    return cache;
  }

  /** Talks to a server as an operator would. */
  async function operate<T>({ url }: TestRedis, work: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(url);
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }

  it('keeps a value for its time', async () => {
    const redis = await start();
    const sut = await connected(redis.url);
    expect(await sut.get('idempotency:key')).toBeNull();
    await sut.set('idempotency:key', 'välue', 86_400);
    expect(await sut.get('idempotency:key')).toBe('välue');
    const ttl = await operate(redis, (client) => client.ttl('idempotency:key'));
    expect(ttl).toBeGreaterThan(86_390);
    expect(ttl).toBeLessThanOrEqual(86_400);
  });

  it('is there once Redis appears after the start', async () => {
    const redis = await start();
    redis.kill('SIGKILL');
    const sut = cacheOf(redis.url);
    await sleep(300);
    expect(await sut.ping()).toBe('disconnected');
    await redis.restart();
    await until(() => works(sut));
  });

  it('misses at once while Redis is stopped, and is there again after a restart', async () => {
    const redis = await start();
    const sut = await connected(redis.url);
    await sut.set('key', 'value', 60);
    redis.kill('SIGKILL');
    await until(async () => (await sut.ping()) === 'disconnected');
    expect(await slowest(20, sut)).toBeLessThan(INSTANT_MS);
    await redis.restart();
    await until(() => works(sut));
  });

  it('lets three requests wait for a Redis that hangs, and no more, and is there when it wakes', async () => {
    const redis = await start();
    const sut = await connected(redis.url);
    await sut.set('key', 'value', 60);
    redis.kill('SIGSTOP');
    stops.push(() => {
      redis.kill('SIGCONT');
    });
    expect(await slowest(3, sut)).toBeLessThan(COST_MS);
    expect([sut.reads.state, sut.writes.state]).toEqual(['open', 'open']);
    expect(await slowest(20, sut)).toBeLessThan(INSTANT_MS);
    expect(await milliseconds(() => sut.ping())).toBeLessThan(COST_MS);
    // However long it hangs, no call waits longer.
    const end = performance.now() + 3000;
    while (performance.now() < end) {
      expect(await slowest(1, sut)).toBeLessThan(COST_MS);
      await sleep(20);
    }
    redis.kill('SIGCONT');
    await until(async () => (await sut.get('key')) === 'value', 2500);
    await until(() => works(sut), 2500);
    expect(warnings).toHaveLength(1);
  });

  it('lets concurrent requests wait no longer than one', async () => {
    const redis = await start();
    const sut = await connected(redis.url);
    redis.kill('SIGSTOP');
    stops.push(() => {
      redis.kill('SIGCONT');
    });
    const all = () => Promise.all(Array.from({ length: 50 }, () => sut.get('key')));
    expect(await milliseconds(all)).toBeLessThan(COST_MS);
  });

  it('is quick to close while Redis hangs', async () => {
    const redis = await start();
    const sut = await connected(redis.url);
    redis.kill('SIGSTOP');
    const waiting = sut.get('key');
    sut.onApplicationShutdown();
    expect(await milliseconds(() => waiting)).toBeLessThan(COST_MS);
    expect(await sut.get('key')).toBeUndefined();
    redis.kill('SIGCONT');
  });

  it('delivers what it was told to keep just before it is closed', async () => {
    const redis = await start();
    const sut = await connected(redis.url);
    const kept = sut.set('key', 'value', 60);
    sut.onApplicationShutdown();
    await kept;
    await until(() => operate(redis, async (client) => (await client.get('key')) === 'value'));
  });

  it('misses with a wrong password, and warns without it', async () => {
    const redis = await start('--requirepass', 'the-right-one');
    const sut = cacheOf(redis.url.replace('//', '//:the-wrong-one@'));
    await sleep(1000);
    expect(await sut.ping()).toBe('disconnected');
    expect(await slowest(20, sut)).toBeLessThan(INSTANT_MS);
    expect(warnings).toEqual([expect.stringContaining('WRONGPASS')]);
    expect(warnings.join()).not.toMatch(/the-(wrong|right)-one/);
  });

  it('misses without the password that Redis asks for', async () => {
    const redis = await start('--requirepass', 'the-right-one');
    const sut = cacheOf(redis.url);
    await sleep(500);
    expect(await sut.ping()).toBe('disconnected');
    expect(warnings).toEqual([expect.stringContaining('NOAUTH')]);
  });

  it('signs in with the password of the URL, decoded', async () => {
    const redis = await start('--requirepass', 'p@ss/wörd');
    const url = redis.url.replace('//', `//:${encodeURIComponent('p@ss/wörd')}@`);
    expect(await works(await connected(url))).toBe(true);
  });

  it('still reads when the memory is full and nothing may be evicted', async () => {
    const redis = await start('--maxmemory-policy', 'noeviction');
    const sut = await connected(redis.url);
    await sut.set('key', 'value', 60);
    await operate(redis, (client) => client.config('SET', 'maxmemory', '1'));
    for (let made = 0; made < 5; made++) await sut.set('other', 'value', 60);
    expect(await sut.get('other')).toBeNull();
    expect(await sut.get('key')).toBe('value');
    expect([sut.reads.state, sut.writes.state]).toEqual(['closed', 'open']);
    expect(warnings).toEqual([expect.stringContaining('OOM')]);
    await operate(redis, (client) => client.config('SET', 'maxmemory', '0'));
    await until(() => works(sut));
  });

  it('still reads from a replica that may not be written to', async () => {
    const redis = await start();
    const sut = await connected(redis.url);
    await sut.set('key', 'value', 60);
    await operate(redis, (client) => client.replicaof('127.0.0.1', 1));
    for (let made = 0; made < 5; made++) await sut.set('key', 'other', 60);
    expect(await sut.get('key')).toBe('value');
    expect([sut.reads.state, sut.writes.state]).toEqual(['closed', 'open']);
    expect(warnings).toEqual([expect.stringContaining('READONLY')]);
    await operate(redis, (client) => client.replicaof('NO', 'ONE'));
    await until(() => works(sut));
  });

  it('misses a key that holds another type, and no other key', async () => {
    const redis = await start();
    const sut = await connected(redis.url);
    await sut.set('key', 'value', 60);
    await operate(redis, (client) => client.lpush('list', 'a'));
    for (let made = 0; made < 5; made++) expect(await sut.get('list')).toBeUndefined();
    expect(await sut.get('key')).toBe('value');
    await sut.set('list', 'now a text', 60);
    expect(await sut.get('list')).toBe('now a text');
    expect(warnings).toEqual([]);
  });

  it('misses what was flushed', async () => {
    const redis = await start();
    const sut = await connected(redis.url);
    await sut.set('key', 'value', 60);
    await operate(redis, (client) => client.flushall());
    expect(await sut.get('key')).toBeNull();
    expect(await works(sut)).toBe(true);
  });

  it('is there again after Redis cut the connection', async () => {
    const redis = await start();
    const sut = await connected(redis.url);
    await operate(redis, (client) => client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes'));
    await until(() => works(sut));
  });

  describe('that is a cluster', () => {
    async function startCluster(): Promise<TestRedis> {
      const node = await start('--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1');
      await operate(node, async (client) => {
        await client.cluster('ADDSLOTSRANGE', 0, 16383);
        await until(async () => (await client.cluster('INFO')).includes('cluster_state:ok'));
      });
      return node;
    }

    it('keeps values under keys of any slot', async () => {
      const { url } = await startCluster();
      const sut = await connected(url, url);
      const keys = Array.from({ length: 50 }, (_, index) => `idempotency:key-${index}`);
      await Promise.all(keys.map((key) => sut.set(key, key, 60)));
      expect(await Promise.all(keys.map((key) => sut.get(key)))).toEqual(keys);
    });

    it('asks the other nodes when one of the URLs leads nowhere', async () => {
      const { url } = await startCluster();
      expect(await works(await connected('redis://127.0.0.1:1', url))).toBe(true);
    });

    it('signs in to the nodes that the cluster names with the password of the first URL', async () => {
      const node = await startCluster();
      await operate(node, (client) => client.config('SET', 'requirepass', 'secret'));
      const url = node.url.replace('//', '//:secret@');
      expect(await works(await connected(url.replace('127.0.0.1', 'localhost'), url))).toBe(true);
    });

    it('misses at once while it is stopped, and is there again after a restart', async () => {
      const node = await startCluster();
      const sut = await connected(node.url, node.url);
      node.kill('SIGKILL');
      await until(async () => (await sut.ping()) === 'disconnected');
      expect(await slowest(20, sut)).toBeLessThan(INSTANT_MS);
      await node.restart();
      await until(() => works(sut));
    });

    it('lets three requests wait for it when it hangs, and is there when it wakes', async () => {
      const node = await startCluster();
      const sut = await connected(node.url, node.url);
      await sut.set('key', 'value', 60);
      node.kill('SIGSTOP');
      stops.push(() => {
        node.kill('SIGCONT');
      });
      expect(await slowest(3, sut)).toBeLessThan(COST_MS);
      expect(await slowest(20, sut)).toBeLessThan(INSTANT_MS);
      await sleep(2000);
      node.kill('SIGCONT');
      await until(async () => (await sut.get('key')) === 'value', 3500);
    });

    it('misses at once while a part of its keys has no node', async () => {
      const node = await startCluster();
      const sut = await connected(node.url, node.url);
      await operate(node, (client) => client.cluster('DELSLOTS', 0));
      expect(await slowest(20, sut)).toBeLessThan(COST_MS);
      expect(await sut.get('key')).toBeUndefined();
      await operate(node, (client) => client.cluster('ADDSLOTS', 0));
      await until(() => works(sut));
    });
  });

  it('misses when a cluster is given by one URL and the key is not that node’s', async () => {
    const node = await start('--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1');
    const sut = await connected(node.url);
    for (let made = 0; made < 5; made++) expect(await sut.get('key')).toBeUndefined();
    expect(warnings).toHaveLength(1);
  });
});

/** What a keyed request does: how long the slower of its two calls took. */
async function use(cache: RedisCacheService): Promise<number> {
  const reading = await milliseconds(() => cache.get('used'));
  return Math.max(reading, await milliseconds(() => cache.set('used', 'value', 60)));
}

async function works(cache: RedisCacheService): Promise<boolean> {
  const value = String(performance.now());
  await cache.set('works', value, 60);
  return (await cache.get('works')) === value;
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function slowest(requests: number, cache: RedisCacheService): Promise<number> {
  let worst = 0;
  for (let made = 0; made < requests; made++) worst = Math.max(worst, await use(cache));
  return worst;
}

async function until(condition: () => Promise<boolean>, withinMs = 5000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms`);
    await sleep(20);
  }
}

import { afterEach, beforeEach } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RedisCacheService } from '../../src/redis/redis-cache.service.js';
import { until } from './eventually.js';
import { startTestRedis, type TestRedis } from './redis.js';

/** The most that a call may take while Redis does not respond, in milliseconds. */
export const MAX_CALL_MS = 250;
/** Less than the timeout of a command, in milliseconds: a faster call did not wait for Redis. */
export const INSTANT_MS = 100;

/** Redis servers and caches of one test, which are stopped after it. */
export class RedisCaches {
  /** The warnings that the caches have logged. */
  readonly warnings: string[] = [];
  private readonly stops: (() => unknown)[] = [];

  async start(...args: string[]): Promise<TestRedis> {
    const redis = await startTestRedis(args);
    this.stops.push(() => redis.stop());
    return redis;
  }

  async startCluster(): Promise<TestRedis> {
    const node = await this.start(
      ...['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
    );
    await operate(node, async (client) => {
      await client.cluster('ADDSLOTSRANGE', 0, 16383);
      await until(async () => (await client.cluster('INFO')).includes('cluster_state:ok'));
    });
    return node;
  }

  /** Pauses a server; it continues before it is stopped. */
  pause(redis: TestRedis): void {
    redis.kill('SIGSTOP');
    this.stops.push(() => {
      redis.kill('SIGCONT');
    });
  }

  cacheOf(...urls: string[]): RedisCacheService {
    const cache = new RedisCacheService(urls);
    this.stops.push(() => {
      cache.onApplicationShutdown();
    });
    cache.onModuleInit();
    return cache;
  }

  async connected(...urls: string[]): Promise<RedisCacheService> {
    const cache = this.cacheOf(...urls);
    await until(async () => (await cache.ping()) === 'connected');
    return cache;
  }

  async stop(): Promise<void> {
    for (const stop of this.stops.splice(0).reverse()) await stop();
    this.warnings.length = 0;
  }
}

/** Redis servers and caches for each test of a `describe`. */
export function useRedisCaches(): RedisCaches {
  const caches = new RedisCaches();

  beforeEach(() => {
    const ignore = () => undefined;
    const warn = (message: unknown) => caches.warnings.push(String(message));
    Logger.overrideLogger({ log: ignore, error: ignore, warn });
  });

  afterEach(async () => {
    await caches.stop();
    Logger.overrideLogger(false);
  });

  return caches;
}

/** Sends commands to a server as an operator. */
export async function operate<T>(
  { url }: TestRedis,
  work: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** Whether a cache returns what it has just stored. */
export async function works(cache: RedisCacheService): Promise<boolean> {
  const value = String(performance.now());
  await cache.set('works', value, 60);
  return (await cache.get('works')) === value;
}

export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** The duration of the slowest of the calls of some requests, each of which reads and then stores. */
export async function slowestCall(requests: number, cache: RedisCacheService): Promise<number> {
  let slowest = 0;
  for (let sent = 0; sent < requests; sent++) {
    const reading = await milliseconds(() => cache.get('used'));
    const storing = await milliseconds(() => cache.set('used', 'value', 60));
    slowest = Math.max(slowest, reading, storing);
  }
  return slowest;
}

import { afterEach, beforeEach } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RedisCacheService } from '../../src/redis/redis-cache.service.js';
import { redisSettings } from '../../src/redis/redis-settings.js';
import { until } from './eventually.js';
import { freePort } from '../../src/embedded-postgres/free-port.js';
import { startTestRedis, startTestSentinel, type TestRedis } from './redis.js';

/** The most that a call may take while Redis does not respond, in milliseconds. */
export const MAX_CALL_MS = 250;
/** Less than the timeout of a command, in milliseconds: a faster call did not wait for Redis. */
export const INSTANT_MS = 100;

/** Number of the slots of a cluster. */
const SLOTS = 16_384;

/**
 * Arguments of a node of a cluster.
 *
 * @param bus the port of the cluster bus. By default it is 10,000 above that of the clients, and may be taken.
 */
export function clusterArguments(bus: number): string[] {
  return [
    ...['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
    ...['--cluster-port', String(bus)],
  ];
}

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
    const node = await this.start(...clusterArguments(await freePort()));
    await operate(node, async (client) => {
      await client.cluster('ADDSLOTSRANGE', 0, 16383);
      await until(async () => (await client.cluster('INFO')).includes('cluster_state:ok'));
    });
    return node;
  }

  /** Three nodes of one cluster, with a third of the slots each. */
  async startThreeNodes(): Promise<TestRedis[]> {
    const nodes: TestRedis[] = [];
    const buses: number[] = [];
    for (let number = 0; number < 3; number++) {
      const bus = await freePort();
      buses.push(bus);
      nodes.push(
        await this.start(
          ...clusterArguments(bus),
          ...['--cluster-node-timeout', '2000'],
          ...['--cluster-require-full-coverage', 'no'],
        ),
      );
    }
    for (const [index, node] of nodes.entries()) {
      const first = Math.ceil((index * SLOTS) / 3);
      const last = Math.ceil(((index + 1) * SLOTS) / 3) - 1;
      await operate(node, async (client) => {
        await client.cluster('ADDSLOTSRANGE', first, last);
        for (const [other, { port }] of nodes.entries())
          await client.call('CLUSTER', 'MEET', '127.0.0.1', port, buses[other] ?? 0);
      });
    }
    await until(async () => {
      const states = await Promise.all(
        nodes.map((node) => operate(node, (client) => client.cluster('INFO'))),
      );
      return states.every((state) => /cluster_state:ok[^]*cluster_known_nodes:3/.test(state));
    }, 10_000);
    return nodes;
  }

  /** A primary, its replica, and a Sentinel that monitors them as `mesh`. */
  async startSentinel(...args: string[]): Promise<{
    primary: TestRedis;
    replica: TestRedis;
    sentinel: TestRedis;
  }> {
    const primary = await this.start(...args);
    const replica = await this.start(...args, '--replicaof', `127.0.0.1 ${primary.port}`);
    const sentinel = await startTestSentinel(primary.port);
    this.stops.push(() => sentinel.stop());
    // By default it asks the servers for their roles every ten seconds.
    await operate(sentinel, (client) =>
      client.call('SENTINEL', 'DEBUG', 'INFO-PERIOD', '200'),
    ).catch(() => undefined);
    await until(
      () =>
        operate(sentinel, async (client) => {
          const replicas: unknown = await client.call('SENTINEL', 'REPLICAS', 'mesh');
          return JSON.stringify(replicas).includes('"master-link-status","ok"');
        }),
      15_000,
    );
    return { primary, replica, sentinel };
  }

  /** Pauses a server; it continues before it is stopped. */
  pause(redis: TestRedis): void {
    redis.kill('SIGSTOP');
    this.stops.push(() => {
      redis.kill('SIGCONT');
    });
  }

  cacheOf(...urls: string[]): RedisCacheService {
    return this.cacheWith({ REDIS_URL: urls });
  }

  /** A cache with these variables, whose keys begin with a prefix if one is given. */
  cacheWith(variables: Parameters<typeof redisSettings>[0], prefix = ''): RedisCacheService {
    const cache = new RedisCacheService(redisSettings(variables), () => prefix);
    this.stops.push(() => {
      cache.onApplicationShutdown();
    });
    cache.onModuleInit();
    return cache;
  }

  async connected(...urls: string[]): Promise<RedisCacheService> {
    return this.untilConnected(this.cacheOf(...urls));
  }

  async untilConnected(cache: RedisCacheService): Promise<RedisCacheService> {
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

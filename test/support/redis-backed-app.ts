import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RedisCacheService } from '../../src/redis/redis-cache.service.js';
import { newSubject, startTestApp, type TestApp } from './app.js';
import type { Answer, Client } from './client.js';
import { until } from './eventually.js';
import {
  budget,
  caller,
  expectReplay,
  idempotencyMetrics,
  isReplay,
  keyHeader,
  rowCounts,
} from './idempotency.js';
import { expectProblem } from './kit.js';
import { startTestRedis, type TestRedis } from './redis.js';

/** The timeout of a command to Redis, in milliseconds: a request that is delayed by less did not wait for Redis. */
export const COMMAND_TIMEOUT_MS = 100;
/** The most that a request may be delayed while Redis hangs, in milliseconds, on a busy machine. */
export const MAX_DELAY_MS = 500;

/** An application with a Redis of its own, for one test. */
export class RedisBackedApp {
  redis!: TestRedis;
  mesh!: TestApp;
  finance!: Client;
  readonly stops: (() => Promise<void>)[] = [];
  private sub = '';

  begin(): void {
    this.sub = newSubject('finance');
    Logger.overrideLogger(false);
  }

  async end(): Promise<void> {
    for (const stop of this.stops.splice(0).reverse()) await stop();
  }

  /** A controller with a Redis that is started with these arguments. */
  async start(args: string[] = [], urls?: (redis: TestRedis) => string): Promise<void> {
    this.redis = await startTestRedis(args);
    this.stops.push(() => this.redis.stop());
    await this.startApp(urls?.(this.redis) ?? this.redis.url);
  }

  async startApp(urls: string, env: Record<string, string> = {}): Promise<void> {
    this.mesh = await startTestApp({ env: { REDIS_URL: urls, ...env } });
    this.stops.push(() => this.mesh.close());
    this.finance = caller(this.mesh, 'finance', this.sub);
  }

  async operate<T>(work: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(this.redis.url);
    try {
      return await work(client);
    } finally {
      client.disconnect();
    }
  }

  route(key: string, amount = 1): Promise<Answer> {
    return this.finance.post('/tasks/route', budget(amount), keyHeader(key));
  }

  /** The number of replays that `work` causes, by their source. */
  async sourcesOf(work: () => Promise<unknown>): Promise<Record<string, number>> {
    const before = await idempotencyMetrics(this.mesh);
    await work();
    const after = await idempotencyMetrics(this.mesh);
    const gained = (source: string) => (after[source] ?? 0) - (before[source] ?? 0);
    return { redis: gained('redis'), postgres: gained('postgres'), memory: gained('memory') };
  }

  /** Expects that a request and its retries have one effect, whatever Redis does. */
  async expectOneEffect(): Promise<void> {
    const key = randomUUID();
    const before = await rowCounts(this.mesh);
    const first = await this.route(key);
    expect([first.status, isReplay(first)]).toEqual([202, false]);
    expectReplay(await this.route(key), first);
    expectProblem(await this.route(key, 2), 422, 'idempotency.payload_mismatch');
    expect(await rowCounts(this.mesh)).toEqual({
      ...before,
      tasks: (before?.tasks ?? 0) + 1,
      sessions: (before?.sessions ?? 0) + 1,
      events: (before?.events ?? 0) + 1,
      records: (before?.records ?? 0) + 1,
    });
  }

  /** The median duration of a new request, in milliseconds. */
  async medianMs(): Promise<number> {
    const times: number[] = [];
    for (let made = 0; made < 15; made++)
      times.push(await this.milliseconds(() => this.route(randomUUID())));
    return times.sort((one, other) => one - other)[7] ?? 0;
  }

  async milliseconds(work: () => Promise<unknown>): Promise<number> {
    const started = performance.now();
    await work();
    return performance.now() - started;
  }

  async replaysFromRedis(): Promise<boolean> {
    const key = randomUUID();
    const first = await this.route(key);
    const sources = await this.sourcesOf(async () => {
      expectReplay(await this.route(key), first);
    });
    return sources.redis === 1;
  }

  untilReplayedFromRedis(): Promise<void> {
    return until(() => this.replaysFromRedis());
  }

  /** The name of the key in Redis that holds the response to an idempotency key. */
  keyName(key: string): string {
    return `${this.mesh.app.get(RedisCacheService).keyPrefix ?? ''}idempotency:${key}`;
  }

  /** Waits until the response to a key is in Redis; the controller does not wait for that. */
  untilStored(key: string): Promise<void> {
    return until(() =>
      this.operate(async (client) => (await client.exists(this.keyName(key))) === 1),
    );
  }

  async redisHealth(): Promise<unknown> {
    return (await this.finance.get('/health')).body.redis;
  }
}

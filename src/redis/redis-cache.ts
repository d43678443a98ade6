import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CircuitBreaker } from './circuit-breaker.js';
import { COMMAND_TIMEOUT_MS, createRedisClient, type RedisClient } from './redis-client.js';
import { TimeLimit } from './time-limit.js';

export type RedisStatus = 'connected' | 'disconnected' | 'disabled';

/** How often something happened in the window that is open, and how long that still is. */
export interface Count {
  count: number;
  msLeft: number;
}

const WARN_EVERY_MS = 10_000;

/** The first in a window opens it. */
const COUNT = `
  local count = redis.call('INCRBY', KEYS[1], ARGV[2])
  if count == tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
  return {count, redis.call('PTTL', KEYS[1])}`;

/**
 * A cache in Redis that may be missing, down, hung, full or read-only: then every read is a miss and every write
 * does nothing. No method rejects, and none takes longer than 100 ms.
 *
 * Reads, writes and counts each have a breaker, since a full or read-only Redis still answers reads.
 */
@Injectable()
export class RedisCache implements OnModuleInit, OnApplicationShutdown {
  readonly reads = new CircuitBreaker();
  readonly writes = new CircuitBreaker();
  readonly counts = new CircuitBreaker();

  private readonly logger = new Logger(RedisCache.name);
  private readonly limit = new TimeLimit(COMMAND_TIMEOUT_MS);
  private readonly client?: RedisClient;
  private quietUntil = 0;

  /** Without a URL the cache is disabled; two or more are the nodes of one cluster. */
  constructor([first, ...others]: readonly string[]) {
    if (first === undefined) return;
    this.client = createRedisClient([first, ...others]);
    this.client.on('error', (error: Error) => {
      this.warn(error);
    });
  }

  /** Starts to connect, and does not wait for it. */
  onModuleInit(): void {
    this.client?.connect().catch(() => undefined);
  }

  /** Ends the connection, after what is already written to it, and says no more. */
  onApplicationShutdown(): void {
    this.quietUntil = Infinity;
    this.client?.disconnect();
  }

  /** The text under `key`; null when there is nothing; undefined when it is not a text, and when Redis cannot tell. */
  get(key: string): Promise<string | null | undefined> {
    return this.call(this.reads, (client) => client.get(key));
  }

  /** Keeps `value` under `key` for `ttlSeconds`, if Redis can; less than a second is not kept at all. */
  async set(key: string, value: string, ttlSeconds: number): Promise<void> {
    const ttl = Math.floor(ttlSeconds);
    if (ttl >= 1) await this.call(this.writes, (client) => client.set(key, value, 'EX', ttl));
  }

  /** Counts `by` more under `key` in a window of `windowMs`; undefined when Redis cannot. */
  async count(key: string, windowMs: number, by: number): Promise<Count | undefined> {
    const reply = await this.call(this.counts, (client) =>
      client.eval(COUNT, 1, key, windowMs, by),
    );
    if (!Array.isArray(reply)) return undefined;
    const [count, msLeft] = reply.map(Number);
    return { count: count ?? 0, msLeft: msLeft ?? 0 };
  }

  /** Whether Redis answers now, whatever the breakers think. */
  async ping(): Promise<RedisStatus> {
    if (!this.client) return 'disabled';
    if (this.client.status !== 'ready') return 'disconnected';
    try {
      await this.limit.around(this.client.ping());
      return 'connected';
    } catch {
      return 'disconnected';
    }
  }

  private async call<T>(
    breaker: CircuitBreaker,
    command: (client: RedisClient) => Promise<T>,
  ): Promise<T | undefined> {
    const { client } = this;
    if (client?.status !== 'ready' || !breaker.allows()) return undefined;
    try {
      const reply = await this.limit.around(command(client));
      breaker.succeeded();
      return reply;
    } catch (error) {
      if (isWrongType(error)) {
        breaker.succeeded();
        return undefined;
      }
      this.warn(error);
      // A peer that vanished without a word keeps its connection "ready" for minutes: only a new one can tell.
      if (breaker.failed() && isTimeout(error)) client.disconnect(true);
      return undefined;
    }
  }

  private warn(error: unknown): void {
    const now = performance.now();
    if (now < this.quietUntil) return;
    this.quietUntil = now + WARN_EVERY_MS;
    this.logger.warn(`Redis cannot be used, going on without it: ${reasonOf(error)}`);
  }
}

function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE');
}

/** Of {@link TimeLimit}, or of the client: within a cluster, it has a limit of its own for each node. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out';
}

/** The first sentence: what follows, and the members of an ioredis error, may hold a password or a cached value. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason';
  // A cluster's own error says only that all of its nodes failed.
  if ('lastNodeError' in error && error.lastNodeError) return reasonOf(error.lastNodeError);
  return error.message.split(/\.?(?:\s*\n|\. |$)/, 1)[0] ?? '';
}

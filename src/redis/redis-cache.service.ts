import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CircuitBreaker } from './circuit-breaker.js';
import { COMMAND_TIMEOUT_MS, createRedisClient, type RedisClient } from './redis-client.js';
import { TimeLimit } from './time-limit.js';

export type RedisStatus = 'connected' | 'disconnected' | 'disabled';

/** The count of the current window. */
export interface Count {
  count: number;
  /** Milliseconds until the window ends. */
  msLeft: number;
}

const WARN_EVERY_MS = 10_000;

/** Lua script: adds to a counter and returns the count and the milliseconds left. The first count starts the window. */
const COUNT = `
  local count = redis.call('INCRBY', KEYS[1], ARGV[2])
  if count == tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
  return {count, redis.call('PTTL', KEYS[1])}`;

/**
 * A cache in Redis. If Redis is not configured, down, hung, full or read-only, every read is a miss and every write does
 * nothing. No method rejects or takes longer than 100 ms.
 *
 * Reads, writes and counts have separate circuit breakers, because a full or read-only Redis still serves reads.
 */
@Injectable()
export class RedisCacheService implements OnModuleInit, OnApplicationShutdown {
  readonly reads = new CircuitBreaker();
  readonly writes = new CircuitBreaker();
  readonly counts = new CircuitBreaker();

  private readonly logger = new Logger(RedisCacheService.name);
  private readonly limit = new TimeLimit(COMMAND_TIMEOUT_MS);
  private readonly client?: RedisClient;
  private quietUntil = 0;

  /**
   * Without a URL the cache is disabled. Two or more URLs are the nodes of one cluster.
   *
   * @param prefix returns the beginning of the names of all keys; undefined while the deployment is not known
   */
  constructor(
    [first, ...others]: readonly string[],
    private readonly prefix: () => string | undefined = () => '',
  ) {
    if (first === undefined) return;
    this.client = createRedisClient([first, ...others]);
    this.client.on('error', (error: Error) => {
      this.warn(error);
    });
  }

  /** The beginning of the names of all keys. While it is undefined, every read is a miss and every write does nothing. */
  get keyPrefix(): string | undefined {
    return this.prefix();
  }

  /** Starts to connect, without waiting. */
  onModuleInit(): void {
    this.client?.connect().catch(() => undefined);
  }

  /** Closes the connection after the commands already written to it, and logs no more warnings. */
  onApplicationShutdown(): void {
    this.quietUntil = Infinity;
    this.client?.disconnect();
  }

  /** Returns the text under `key`; null on a miss; undefined if the value is not a text or Redis is unavailable. */
  get(key: string): Promise<string | null | undefined> {
    return this.call(this.reads, (client, prefix) => client.get(prefix + key));
  }

  /** Stores `value` under `key` for `ttlSeconds`, rounded down. Does nothing below one second or without Redis. */
  async set(key: string, value: string, ttlSeconds: number): Promise<void> {
    const ttl = Math.floor(ttlSeconds);
    if (!(ttl >= 1)) return;
    await this.call(this.writes, (client, prefix) => client.set(prefix + key, value, 'EX', ttl));
  }

  /** Adds `by` to the count under `key` in a window of `windowMs` milliseconds; undefined if Redis is unavailable. */
  async count(key: string, windowMs: number, by: number): Promise<Count | undefined> {
    const reply = await this.call(this.counts, (client, prefix) =>
      client.eval(COUNT, 1, prefix + key, windowMs, by),
    );
    if (!Array.isArray(reply)) return undefined;
    const [count, msLeft] = reply.map(Number);
    return { count: count ?? 0, msLeft: msLeft ?? 0 };
  }

  /** Whether Redis responds now, independent of the state of the breakers. */
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
    command: (client: RedisClient, prefix: string) => Promise<T>,
  ): Promise<T | undefined> {
    const { client, keyPrefix } = this;
    if (client?.status !== 'ready' || keyPrefix === undefined || !breaker.allows())
      return undefined;
    try {
      const reply = await this.limit.around(command(client, keyPrefix));
      breaker.succeeded();
      return reply;
    } catch (error) {
      if (isWrongType(error)) {
        breaker.succeeded();
        return undefined;
      }
      this.warn(error);
      // If the peer vanished without closing the connection, its status stays "ready" for minutes. Reconnect to find out.
      if (breaker.failed() && isTimeout(error)) client.disconnect(true);
      return undefined;
    }
  }

  private warn(error: unknown): void {
    const now = performance.now();
    if (now < this.quietUntil) return;
    this.quietUntil = now + WARN_EVERY_MS;
    this.logger.warn(`Redis cannot be used, continuing without it: ${reasonOf(error)}`);
  }
}

function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE');
}

/** Whether {@link TimeLimit} or the client timed out. In a cluster the client has its own timeout per node. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out';
}

/**
 * Returns the first sentence of the message. The rest of it, and other members of an ioredis error, can contain a password
 * or a cached value.
 */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown reason';
  // The error of a cluster states only that all nodes failed.
  if ('lastNodeError' in error && error.lastNodeError) return reasonOf(error.lastNodeError);
  return error.message.split(/\.?(?:\s*\n|\. |$)/, 1)[0] ?? '';
}

import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { CircuitBreaker } from './circuit-breaker.js';
import type { RedisClient } from './redis-client.js';
import { isClusterReply, RedisConnection } from './redis-connection.js';
import {
  failureCode,
  failureReason,
  isTimeout,
  logReason,
  reasonOfCode,
  UNKNOWN,
} from './redis-failure.js';
import { redisSettings, type RedisSettings } from './redis-settings.js';

export type RedisStatus = 'connected' | 'disconnected' | 'disabled';

export interface RedisHealth {
  readonly status: RedisStatus;
  /** Why Redis cannot be used, or can be used only in part. */
  readonly reason?: string;
}

/** The count of the current window. */
export interface Count {
  count: number;
  /** Milliseconds until the window ends. */
  msLeft: number;
}

const WARN_EVERY_MS = 10_000;
/** Name and lifetime of the key that shows whether commands are accepted. */
const PROBE = 'probe';
const PROBE_MS = 1_000;

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
  private readonly connection?: RedisConnection;
  /** Reason of the latest failure to connect. */
  private failure?: string;
  private quietUntil = 0;

  /**
   * Without settings, or with an empty list of URLs, the cache is disabled.
   *
   * @param prefix returns the beginning of the names of all keys; undefined while the deployment is not known
   */
  constructor(
    settings: RedisSettings | readonly string[] | undefined,
    private readonly prefix: () => string | undefined = () => '',
  ) {
    const own = isUrls(settings) ? redisSettings({ REDIS_URL: settings }) : settings;
    if (!own) return;
    this.connection = new RedisConnection(own, {
      failed: (error) => {
        // An error without a code follows from one with a code.
        if (failureCode(error) !== UNKNOWN || this.failure === undefined)
          this.failure = failureReason(error);
        this.warn(error);
      },
      ready: () => {
        this.failure = undefined;
      },
    });
  }

  /** The beginning of the names of all keys. While it is undefined, every read is a miss and every write does nothing. */
  get keyPrefix(): string | undefined {
    return this.prefix();
  }

  /** Starts to connect, without waiting. */
  onModuleInit(): void {
    this.connection?.connect();
  }

  /** Closes the connection after the commands already written to it, and logs no more warnings. */
  onApplicationShutdown(): void {
    this.quietUntil = Infinity;
    this.connection?.close();
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
    return (await this.health()).status;
  }

  /** Sends each command that the cache uses, independent of the state of the breakers. */
  async health(): Promise<RedisHealth> {
    const { connection, keyPrefix } = this;
    if (!connection) return { status: 'disabled' };
    const client = connection.usable;
    if (!client) {
      const waiting = connection.isLoading ? 'LOADING' : 'CONNECTING';
      return { status: 'disconnected', reason: this.failure ?? reasonOfCode(waiting) };
    }
    const commands = [
      client.ping(),
      ...(keyPrefix === undefined ? [] : probes(client, keyPrefix)),
    ].map((command) => connection.within(command));
    const [ping, ...others] = await Promise.allSettled(commands);
    if (ping?.status === 'rejected') {
      this.warn(ping.reason);
      return { status: 'disconnected', reason: failureReason(ping.reason) };
    }
    const refused = others.find((command) => command.status === 'rejected');
    if (!refused) return { status: 'connected' };
    this.examine(refused.reason);
    return { status: 'connected', reason: failureReason(refused.reason) };
  }

  private async call<T>(
    breaker: CircuitBreaker,
    command: (client: RedisClient, prefix: string) => Promise<T>,
  ): Promise<T | undefined> {
    const { connection, keyPrefix } = this;
    const client = connection?.usable;
    if (!connection || !client || keyPrefix === undefined || !breaker.allows()) return undefined;
    try {
      const reply = await connection.within(command(client, keyPrefix));
      breaker.succeeded();
      return reply;
    } catch (error) {
      if (isWrongType(error)) {
        breaker.succeeded();
        return undefined;
      }
      this.warn(error);
      const opened = breaker.failed();
      this.examine(error);
      if (opened && isTimeout(error)) connection.reconnect();
      return undefined;
    }
  }

  /** Searches for another server if the reply shows that this one is not the right one. */
  private examine(error: unknown): void {
    if (isClusterReply(error)) this.connection?.redirected();
    if (failureCode(error) === 'READONLY')
      this.connection?.demoted((client) =>
        client.set(`${this.keyPrefix ?? ''}${PROBE}`, '', 'PX', PROBE_MS),
      );
  }

  private warn(error: unknown): void {
    const now = performance.now();
    if (now < this.quietUntil) return;
    this.quietUntil = now + WARN_EVERY_MS;
    this.logger.warn(`Redis cannot be used, continuing without it: ${logReason(error)}`);
  }
}

/** Each command of the cache, with a key that expires at once. */
function probes(client: RedisClient, prefix: string): Promise<unknown>[] {
  const key = prefix + PROBE;
  return [
    client.set(key, '0', 'PX', PROBE_MS),
    client.get(key),
    client.eval(COUNT, 1, key, PROBE_MS, 1),
  ];
}

function isUrls(
  settings: RedisSettings | readonly string[] | undefined,
): settings is readonly string[] {
  return Array.isArray(settings);
}

function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('WRONGTYPE');
}

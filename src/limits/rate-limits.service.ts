import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { MetricsService } from '../observability/metrics.service.js';
import { RedisCacheService } from '../redis/redis-cache.service.js';
import { WindowCounter } from './window-counter.js';

/** What a rate limit counts requests by. */
export type LimitScope = 'address' | 'subject';

const WINDOW_SECONDS = 10;

/**
 * Rate limits per address and per subject. All instances share the counts through Redis; while Redis is unavailable, each
 * instance counts for itself. No request waits for Redis, so slightly more requests than the limit can pass.
 */
@Injectable()
export class RateLimitsService {
  private readonly counter: WindowCounter;
  private readonly quotas: Record<LimitScope, number>;
  private readonly limited: Counter<'by'>;

  constructor(
    private readonly environment: Environment,
    cache: RedisCacheService,
    { registry }: MetricsService,
  ) {
    this.counter = new WindowCounter(WINDOW_SECONDS * 1000, (key, windowMs, by) =>
      cache.count(`rate:${key}`, windowMs, by),
    );
    this.quotas = {
      address: environment.RATE_LIMIT_ADDRESS * WINDOW_SECONDS,
      subject: environment.RATE_LIMIT_SUBJECT * WINDOW_SECONDS,
    };
    this.limited = new Counter({
      name: 'http_requests_limited_total',
      help: 'Requests answered with 429, by the limit that they exceeded.',
      labelNames: ['by'],
      registers: [registry],
    });
    for (const by of Object.keys(this.quotas)) this.limited.inc({ by }, 0);
  }

  /** Counts a request that was already answered. */
  record(party: LimitScope, id: string): void {
    if (this.environment.RATE_LIMIT_ENABLED) this.counter.hit(`${party}:${id}`, this.quotas[party]);
  }

  /** Takes back the count of a request that turned out to be exempt. */
  restore(party: LimitScope, id: string): void {
    this.counter.takeBack(`${party}:${id}`);
  }

  /**
   * Counts a request. Returns the headers with its remaining quota (draft-ietf-httpapi-ratelimit-headers-10).
   *
   * @throws DomainError `request.rate_limited`
   */
  consume(party: LimitScope, id: string): Readonly<Record<string, string>> {
    if (!this.environment.RATE_LIMIT_ENABLED) return {};
    const quota = this.quotas[party];
    const { count, msLeft } = this.counter.hit(`${party}:${id}`, quota);
    const seconds = Math.max(1, Math.ceil(msLeft / 1000));
    const headers = {
      'RateLimit-Policy': `"${party}";q=${quota};w=${WINDOW_SECONDS}`,
      RateLimit: `"${party}";r=${Math.max(0, quota - count)};t=${seconds}`,
    };
    if (count <= quota) return headers;
    this.limited.inc({ by: party });
    throw new DomainError(
      'request.rate_limited',
      `More than ${quota} requests of one ${party} in ${WINDOW_SECONDS} seconds; retry after ${seconds} seconds.`,
      { retryAfter: seconds, headers },
    );
  }
}

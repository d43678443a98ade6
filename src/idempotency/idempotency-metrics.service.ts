import { Injectable } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { MetricsService } from '../observability/metrics.service.js';
import { RedisCacheService } from '../redis/redis-cache.service.js';

/** The store that a replay was read from. */
export type HitSource = 'memory' | 'redis' | 'postgres';

/** Metrics of keyed requests, and the state of the Redis circuit breakers. */
@Injectable()
export class IdempotencyMetricsService {
  readonly hits: Counter<'source'>;
  readonly misses: Counter;
  readonly conflicts: Counter;
  readonly mismatches: Counter;

  constructor({ registry }: MetricsService, cache: RedisCacheService) {
    const registers = [registry];
    this.hits = new Counter({
      name: 'idempotency_hits_total',
      help: 'Keyed requests that were replayed, by the store of the response.',
      labelNames: ['source'],
      registers,
    });
    this.misses = new Counter({
      name: 'idempotency_misses_total',
      help: 'Keyed requests that were executed.',
      registers,
    });
    this.conflicts = new Counter({
      name: 'idempotency_conflicts_total',
      help: 'Keyed requests that were refused because a request with the same idempotency key was in progress.',
      registers,
    });
    this.mismatches = new Counter({
      name: 'idempotency_mismatches_total',
      help: 'Keyed requests that were refused because the idempotency key was used with another request.',
      registers,
    });
    new Gauge({
      name: 'redis_breaker_open',
      help: 'State of the circuit breaker of Redis, by kind of call: 0 closed, 0.5 probing, 1 open (calls are skipped).',
      labelNames: ['calls'],
      registers,
      collect() {
        this.set({ calls: 'read' }, LEVEL[cache.reads.state]);
        this.set({ calls: 'write' }, LEVEL[cache.writes.state]);
        this.set({ calls: 'count' }, LEVEL[cache.counts.state]);
      },
    });
  }
}

const LEVEL = { closed: 0, half_open: 0.5, open: 1 } as const;

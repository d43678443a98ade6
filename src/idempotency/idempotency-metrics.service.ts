import { Injectable } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { MetricsService } from '../observability/metrics.service.js';
import { RedisCacheService } from '../redis/redis-cache.service.js';
import type { HitKind, KeyedOutcome } from './keyed-outcome.js';

/** Metrics of keyed requests, and the state of the Redis circuit breakers. */
@Injectable()
export class IdempotencyMetricsService {
  private readonly hits: Counter<'source'>;
  private readonly misses: Counter;
  private readonly conflicts: Counter;
  private readonly mismatches: Counter;

  constructor({ registry }: MetricsService, cache: RedisCacheService) {
    const registers = [registry];
    this.hits = new Counter({
      name: 'idempotency_hits_total',
      help: 'Keyed requests that were replayed, by the store of the response.',
      labelNames: ['source'],
      registers,
    });
    for (const source of Object.values(SOURCE)) this.hits.inc({ source }, 0);
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

  /** Counts a keyed request by its outcome. */
  count({ kind }: KeyedOutcome): void {
    switch (kind) {
      case 'executed':
        this.misses.inc();
        break;
      case 'cache_hit':
      case 'local_hit':
      case 'stored_record':
        this.hits.inc({ source: SOURCE[kind] });
        break;
      case 'locked_elsewhere':
        this.conflicts.inc();
        break;
      case 'mismatch':
        this.mismatches.inc();
        break;
      case 'role_not_held':
        break;
    }
  }
}

/** The store that the response of a hit was read from, as the label of the metric. */
const SOURCE: Readonly<Record<HitKind, string>> = {
  cache_hit: 'redis',
  local_hit: 'memory',
  stored_record: 'postgres',
};

const LEVEL = { closed: 0, half_open: 0.5, open: 1 } as const;

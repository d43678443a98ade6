import { Injectable } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { MetricsService } from '../observability/metrics.service.js';
import { RedisCacheService } from '../redis/redis-cache.service.js';

/** Where a replay was found. */
export type HitSource = 'memory' | 'redis' | 'postgres';

/** How often keys spared a request, and whether Redis takes part. */
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
      help: 'Keyed requests answered from an earlier one.',
      labelNames: ['source'],
      registers,
    });
    this.misses = new Counter({
      name: 'idempotency_misses_total',
      help: 'Keyed requests that were carried out.',
      registers,
    });
    this.conflicts = new Counter({
      name: 'idempotency_conflicts_total',
      help: 'Keyed requests refused while another with the key was in progress.',
      registers,
    });
    this.mismatches = new Counter({
      name: 'idempotency_mismatches_total',
      help: 'Keys sent again with another request.',
      registers,
    });
    new Gauge({
      name: 'redis_breaker_open',
      help: 'Whether calls to Redis are being left out: 0 closed, 0.5 probing, 1 open.',
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

import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { DataSource } from 'typeorm';
import { MetricsService } from '../observability/metrics.service.js';
import { poolOf, serverOf } from './connection-pool.js';

/** Metrics of the connection pool. */
@Injectable()
export class PoolMetricsService {
  constructor({ registry }: MetricsService, dataSource: DataSource) {
    new Gauge({
      name: 'database_pool_connections',
      help: 'Connections of the pool by state. State unanswered: busy ones without a response in time. State waiting: requests that wait for a connection.',
      labelNames: ['state'],
      registers: [registry],
      collect() {
        const pool = poolOf(dataSource);
        if (!pool) return;
        this.set({ state: 'idle' }, pool.idleCount);
        this.set({ state: 'busy' }, pool.totalCount - pool.idleCount);
        this.set({ state: 'unanswered' }, serverOf(dataSource).unanswered.count);
        this.set({ state: 'waiting' }, pool.waitingCount);
      },
    });
  }
}

import { Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { MetricsService } from '../observability/metrics.service.js';
import { HealthService } from './health.service.js';

/** Readiness as a metric. A probe of it is of one moment; a series shows for how long an instance was not ready. */
@Injectable()
export class HealthMetricsService {
  constructor({ registry }: MetricsService, health: HealthService) {
    new Gauge({
      name: 'mesh_ready',
      help: '1 if the instance is ready for requests, as /health/ready reports it, else 0.',
      registers: [registry],
      async collect() {
        const { status } = await health.ready();
        this.set(Number(status === 'ready'));
      },
    });
  }
}

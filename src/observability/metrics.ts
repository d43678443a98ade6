import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';

/** What the process measures, in the form that Prometheus reads. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  /** Requests by route template, so that ids do not make a series each. */
  readonly requests = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'Requests answered, by method, route and status.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }
}

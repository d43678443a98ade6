import {
  type EventLoopUtilization,
  type IntervalHistogram,
  monitorEventLoopDelay,
  performance,
} from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { Environment } from '../config/environment.js';
import { MetricsService } from '../observability/metrics.service.js';
import { PartyCosts } from './party-costs.js';

const RESOLUTION_MS = 20;
const MEASURE_EVERY_MS = 1_000;
/** Utilisation of the event loop above which the process is saturated if it lags. */
const SATURATED = 0.9;
/** Share of MAX_LAG_MS above which the process is saturated if its event loop is busy. */
const SATURATED_LAG = 0.2;

/** Measures the lag and the utilisation of the event loop once a second. */
@Injectable()
export class LoadMonitorService implements OnApplicationShutdown {
  /** Costs of the parties in the current second. */
  readonly costs = new PartyCosts();
  private readonly delay: IntervalHistogram;
  private readonly timer: NodeJS.Timeout;
  private before: EventLoopUtilization = performance.eventLoopUtilization();
  private lagMs = 0;
  private utilisation = 0;

  constructor(
    private readonly environment: Environment,
    { registry }: MetricsService,
  ) {
    this.delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.delay.enable();
    this.timer = setInterval(() => {
      this.measure();
    }, MEASURE_EVERY_MS).unref();
    const utilisation = () => this.utilisation;
    new Gauge({
      name: 'mesh_event_loop_utilization',
      help: 'Share of the last second in which the event loop was busy, from 0 to 1.',
      registers: [registry],
      collect() {
        this.set(utilisation());
      },
    });
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
    this.delay.disable();
  }

  /** Whether the event loop lags more than MAX_LAG_MS. */
  get isLagging(): boolean {
    return this.lagMs > this.environment.MAX_LAG_MS;
  }

  /** Whether the event loop is busy nearly all the time and lags more than a fifth of MAX_LAG_MS. */
  get isSaturated(): boolean {
    return (
      this.utilisation >= SATURATED && this.lagMs > this.environment.MAX_LAG_MS * SATURATED_LAG
    );
  }

  private measure(): void {
    // The mean is NaN if there was no tick. One long pause alone does not count as lag.
    this.lagMs = this.delay.count === 0 ? 0 : this.delay.mean / 1e6 - RESOLUTION_MS;
    this.delay.reset();
    const now = performance.eventLoopUtilization();
    this.utilisation = performance.eventLoopUtilization(now, this.before).utilization;
    this.before = now;
    this.costs.measure(this.isSaturated);
  }
}

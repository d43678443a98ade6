import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { MetricsService } from '../observability/metrics.service.js';

/** Kind of a request. Requests that only wait for work have a separate limit, so that they do not block the others. */
export type RequestKind = 'working' | 'waiting';

type ShedReason = 'in_flight' | 'lag';

const RESOLUTION_MS = 20;
const MEASURE_EVERY_MS = 1_000;

/**
 * Rejects requests when too many are in flight or when the event loop lags, because their responses would be too late. A
 * rejection costs very little, so the accepted requests are answered in time.
 */
@Injectable()
export class LoadShedderService implements OnApplicationShutdown {
  private readonly inFlight: Record<RequestKind, number> = { working: 0, waiting: 0 };
  private readonly delay: IntervalHistogram;
  private readonly timer: NodeJS.Timeout;
  private readonly shed: Counter<'reason'>;
  private lagMs = 0;

  constructor(
    private readonly environment: Environment,
    { registry }: MetricsService,
  ) {
    this.delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.delay.enable();
    this.timer = setInterval(() => {
      this.measureLag();
    }, MEASURE_EVERY_MS).unref();
    this.shed = new Counter({
      name: 'http_requests_turned_away_total',
      help: 'Requests answered with 503 because the process was overloaded, by reason.',
      labelNames: ['reason'],
      registers: [registry],
    });
    const { inFlight } = this;
    new Gauge({
      name: 'http_requests_in_flight',
      help: 'Requests in flight by kind: working, or waiting for tasks.',
      labelNames: ['kind'],
      registers: [registry],
      collect() {
        this.set({ kind: 'working' }, inFlight.working);
        this.set({ kind: 'waiting' }, inFlight.waiting);
      },
    });
  }

  onApplicationShutdown(): void {
    clearInterval(this.timer);
    this.delay.disable();
  }

  /**
   * Counts a request as in flight. Returns the function to call when its response ends.
   *
   * @throws DomainError `server.overloaded`
   */
  enter(kind: RequestKind): () => void {
    if (this.lagMs > this.environment.MAX_LAG_MS) throw this.refusal('lag');
    if (this.inFlight[kind] >= this.environment.MAX_IN_FLIGHT) throw this.refusal('in_flight');
    this.inFlight[kind] += 1;
    return () => {
      this.inFlight[kind] -= 1;
    };
  }

  /** Measures the mean delay of timers since the last measurement. One long pause alone does not count as lag. */
  private measureLag(): void {
    // The mean is NaN if there was no tick.
    this.lagMs = this.delay.count === 0 ? 0 : this.delay.mean / 1e6 - RESOLUTION_MS;
    this.delay.reset();
  }

  private refusal(reason: ShedReason): DomainError {
    this.shed.inc({ reason });
    return new DomainError(
      'server.overloaded',
      'The controller is overloaded and did not process the request; retry it.',
      { retryAfter: 1 },
    );
  }
}

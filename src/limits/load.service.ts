import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { Metrics } from '../observability/metrics.js';

/** Requests that work, and those that only wait and so must not take the place of the others. */
export type Kind = 'working' | 'waiting';

type Reason = 'in_flight' | 'lag';

const RESOLUTION_MS = 20;
const LOOK_EVERY_MS = 1_000;

/**
 * Turns requests away that could only be answered too late: when too many are in flight, and when the process is
 * behind. A request that is turned away costs next to nothing, so those that are let in are answered in time.
 */
@Injectable()
export class Load implements OnApplicationShutdown {
  private readonly inFlight: Record<Kind, number> = { working: 0, waiting: 0 };
  private readonly delay: IntervalHistogram;
  private readonly timer: NodeJS.Timeout;
  private readonly turnedAway: Counter<'reason'>;
  private lagMs = 0;

  constructor(
    private readonly environment: Environment,
    { registry }: Metrics,
  ) {
    this.delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.delay.enable();
    this.timer = setInterval(() => {
      this.look();
    }, LOOK_EVERY_MS).unref();
    this.turnedAway = new Counter({
      name: 'http_requests_turned_away_total',
      help: 'Requests answered with 503 because the process was too busy, by reason.',
      labelNames: ['reason'],
      registers: [registry],
    });
    const { inFlight } = this;
    new Gauge({
      name: 'http_requests_in_flight',
      help: 'Requests that are not answered yet: those that work, and those that wait for work to come.',
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
   * Lets a request in; gives what is to be called once it is answered.
   *
   * @throws DomainError `server.overloaded`
   */
  enter(kind: Kind): () => void {
    if (this.lagMs > this.environment.MAX_LAG_MS) throw this.refusal('lag');
    if (this.inFlight[kind] >= this.environment.MAX_IN_FLIGHT) throw this.refusal('in_flight');
    this.inFlight[kind] += 1;
    return () => {
      this.inFlight[kind] -= 1;
    };
  }

  /** By how much timers were late since the last look, on average: one long pause is not yet a process that is behind. */
  private look(): void {
    // Without a single tick there is no mean.
    this.lagMs = this.delay.count === 0 ? 0 : this.delay.mean / 1e6 - RESOLUTION_MS;
    this.delay.reset();
  }

  private refusal(reason: Reason): DomainError {
    this.turnedAway.inc({ reason });
    return new DomainError('server.overloaded', 'The controller is too busy; nothing happened.', {
      retryAfter: 1,
    });
  }
}

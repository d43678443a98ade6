import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { Environment } from '../config/environment.js';
import { messageOf } from '../errors/error-text.js';
import { MetricsService } from '../observability/metrics.service.js';

/** A periodic job that processes rows in batches, for example expired leases. */
export interface Sweep {
  /** Label of its log lines and series. */
  readonly name: string;
  /** Maximum number of rows of one run. */
  readonly batch: number;
  /** Processes one batch. Returns the number of rows found. */
  run(): Promise<number>;
}

/** Runs all sweeps every SWEEP_INTERVAL_SECONDS. Any number of instances can run them at the same time. */
@Injectable()
export class SweeperService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(SweeperService.name);
  private readonly sweeps: Sweep[] = [];
  private timer?: NodeJS.Timeout;
  private round: Promise<void> = Promise.resolve();
  private stopped = false;
  /** Number of failed batches. */
  private failed = 0;
  private readonly rows: Counter<'sweep'>;
  private readonly failures: Counter<'sweep'>;
  private readonly succeeded: Gauge;

  constructor(
    private readonly environment: Environment,
    { registry }: MetricsService,
  ) {
    const options = { labelNames: ['sweep'] as const, registers: [registry] };
    this.rows = new Counter({
      ...options,
      name: 'mesh_sweep_rows_total',
      help: 'Rows that a sweep found and processed.',
    });
    this.failures = new Counter({
      ...options,
      name: 'mesh_sweep_failures_total',
      help: 'Batches of a sweep that failed.',
    });
    this.succeeded = new Gauge({
      name: 'mesh_sweep_succeeded_timestamp_seconds',
      help: 'Time of the last round of sweeps without a failure, at first of the start of the process.',
      registers: [registry],
    });
    this.succeeded.setToCurrentTime();
  }

  /** Adds a sweep to all later rounds. */
  add(sweep: Sweep): void {
    this.sweeps.push(sweep);
    for (const counter of [this.rows, this.failures]) counter.inc({ sweep: sweep.name }, 0);
  }

  onApplicationBootstrap(): void {
    this.schedule();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.round;
  }

  private schedule(): void {
    this.timer = setTimeout(() => {
      this.round = this.sweepAll().finally(() => {
        if (!this.stopped) this.schedule();
      });
    }, this.environment.SWEEP_INTERVAL_SECONDS * 1000).unref();
  }

  /** Runs one batch of each sweep in turn, until none has more, so that no sweep waits for the backlog of another. */
  private async sweepAll(): Promise<void> {
    let hasMore = true;
    const failedBefore = this.failed;
    while (hasMore && !this.stopped) {
      hasMore = false;
      for (const sweep of this.sweeps) if (await this.fillsBatch(sweep)) hasMore = true;
    }
    if (this.failed === failedBefore) this.succeeded.setToCurrentTime();
  }

  /** Runs one batch of a sweep. Returns whether the batch was full, so that there can be more rows. */
  private async fillsBatch(sweep: Sweep): Promise<boolean> {
    try {
      const found = await sweep.run();
      this.rows.inc({ sweep: sweep.name }, found);
      if (found > 0) this.logger.log(`${sweep.name}: ${found}`);
      return found === sweep.batch;
    } catch (error) {
      this.failed += 1;
      this.failures.inc({ sweep: sweep.name });
      this.logger.warn(
        `Sweep failed, retrying in the next round: ${sweep.name}. ${messageOf(error)}`,
      );
      return false;
    }
  }
}

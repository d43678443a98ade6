import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { messageOf } from '../errors/explain.js';

/** Settles one batch of what has fallen due; gives how many it found, and at most `batch`. */
export interface Sweep {
  readonly name: string;
  readonly batch: number;
  run(): Promise<number>;
}

/** Every few seconds lets each sweep find what has fallen due. Any number of instances may do so at once. */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Sweeper.name);
  private readonly sweeps: Sweep[] = [];
  private timer?: NodeJS.Timeout;
  private round: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(private readonly environment: Environment) {}

  /** Adds a sweep to every round from now on. */
  add(sweep: Sweep): void {
    this.sweeps.push(sweep);
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

  /** The sweeps take turns, batch by batch, so that none waits for the backlog of another. */
  private async sweepAll(): Promise<void> {
    let hasMore = true;
    while (hasMore && !this.stopped) {
      hasMore = false;
      for (const sweep of this.sweeps) if (await this.fillsBatch(sweep)) hasMore = true;
    }
  }

  /** Runs a sweep once; whether it found as much as it takes at a time, so that there may be more. */
  private async fillsBatch(sweep: Sweep): Promise<boolean> {
    try {
      const found = await sweep.run();
      if (found > 0) this.logger.log(`${sweep.name}: ${found}`);
      return found === sweep.batch;
    } catch (error) {
      this.logger.warn(`Put off until the next sweep: ${sweep.name}. ${messageOf(error)}`);
      return false;
    }
  }
}

import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Environment } from '../config/environment.js';

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

  private async sweepAll(): Promise<void> {
    for (const sweep of this.sweeps) await this.sweepUntilDone(sweep);
  }

  private async sweepUntilDone(sweep: Sweep): Promise<void> {
    try {
      let found = sweep.batch;
      while (found === sweep.batch && !this.stopped) {
        found = await sweep.run();
        if (found > 0) this.logger.log(`${sweep.name}: ${found}`);
      }
    } catch (error) {
      this.logger.warn(`${sweep.name}: ${error instanceof Error ? error.message : 'failed'}`);
    }
  }
}

import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { ExpiryService, SWEEP_BATCH } from './expiry.service.js';

/** Every few seconds finds what has fallen due. Any number of instances may do so at once. */
@Injectable()
export class Sweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(Sweeper.name);
  private timer?: NodeJS.Timeout;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly expiry: ExpiryService,
    private readonly environment: Environment,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private schedule(): void {
    this.timer = setTimeout(() => {
      this.running = this.sweep().finally(() => {
        if (!this.stopped) this.schedule();
      });
    }, this.environment.SWEEP_INTERVAL_SECONDS * 1000).unref();
  }

  private async sweep(): Promise<void> {
    try {
      let expired = SWEEP_BATCH;
      while (expired === SWEEP_BATCH && !this.stopped) {
        expired = await this.expiry.sweep();
        if (expired > 0) this.logger.log(`Expired ${expired} overdue sessions`);
      }
    } catch (error) {
      this.logger.warn(
        `The sweep did not finish: ${error instanceof Error ? error.message : 'unknown'}`,
      );
    }
  }
}

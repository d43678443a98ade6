import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { Environment } from '../config/environment.js';
import { BackgroundLoop } from '../database/background-loop.js';
import { EventHubService } from '../events/event-hub.service.js';
import { AuditLogMetricsService } from './audit-log-metrics.service.js';
import { AuditLogStateService } from './audit-log-state.service.js';
import { HeadSignerService } from './head-signer.service.js';
import { LogGrowthService } from './log-growth.service.js';
import { LogOriginService } from './log-origin.service.js';
import { DivergedError } from './tree-check.js';

/** Milliseconds between checks for events that no announcement named. */
const POLL_MS = 1_000;

/** Seals the events that the event log has numbered. Every instance does so; the lock of the log admits one at a time. */
@Injectable()
export class SealerService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly loop = new BackgroundLoop({
    round: () => this.round(),
    pollMs: POLL_MS,
    pauseAfter: () => (this.hasSealed ? this.environment.AUDIT_SEAL_INTERVAL_MS : 0),
    logger: new Logger(SealerService.name),
    failing: 'The audit log is not sealed.',
    recovered: 'The audit log is sealed again.',
  });
  private hasSealed = false;

  constructor(
    private readonly origin: LogOriginService,
    private readonly growth: LogGrowthService,
    private readonly signer: HeadSignerService,
    private readonly state: AuditLogStateService,
    private readonly metrics: AuditLogMetricsService,
    private readonly hub: EventHubService,
    private readonly environment: Environment,
  ) {}

  onApplicationBootstrap(): void {
    if (!this.environment.AUDIT_SEAL) return;
    this.hub.onGrowth(() => {
      this.loop.signal();
    });
    this.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.loop.stop();
  }

  /** Seals all events that there are. */
  private async round(): Promise<void> {
    this.hasSealed = false;
    await this.origin.ensureLog();
    try {
      for (let isFull = true; isFull;) {
        const start = performance.now();
        const batch = await this.growth.grow();
        if (batch && batch.added > 0) {
          this.hasSealed = true;
          this.metrics.observeSeal((performance.now() - start) / 1_000);
        }
        isFull = batch?.isFull === true && !this.loop.isStopping;
      }
    } catch (error) {
      if (!(error instanceof DivergedError)) throw error;
      this.state.setDivergence(error.message);
    }
    if (this.hasSealed) this.signer.signal();
  }
}

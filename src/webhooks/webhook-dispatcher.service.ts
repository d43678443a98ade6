import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { BackgroundLoop } from '../database/background-loop.js';
import { EventHubService } from '../events/event-hub.service.js';
import { RequestsInProgress } from './requests-in-progress.js';
import { WebhookAttemptsService } from './webhook-attempts.service.js';
import { WebhookQueueService } from './webhook-queue.service.js';

/** Milliseconds between checks for deliveries that are due. */
const POLL_MS = 1_000;
/** Maximum number of requests at a time of this instance. */
const PER_INSTANCE = 32;

/**
 * Sends events to webhooks. Every instance does so: it schedules deliveries of new events, claims those that are due, and
 * sends them without an open transaction. What an instance has claimed when it ends is sent by another, at least once.
 */
@Injectable()
export class WebhookDispatcherService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(WebhookDispatcherService.name);
  private readonly loop = new BackgroundLoop({
    round: () => this.round(),
    pollMs: POLL_MS,
    logger: this.logger,
    failing: 'Webhooks are not sent.',
  });
  private readonly sending = new RequestsInProgress();
  /** Whether there was an enabled webhook at the last check. Without one, growth of the log begins no round. */
  private isUsed = true;

  constructor(
    private readonly queue: WebhookQueueService,
    private readonly attempts: WebhookAttemptsService,
    private readonly hub: EventHubService,
  ) {}

  onApplicationBootstrap(): void {
    this.hub.onGrowth(() => {
      if (this.isUsed) this.loop.signal();
    });
    this.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.loop.stop();
    await this.sending.stop(() => {
      this.attempts.stop();
    });
  }

  private async round(): Promise<void> {
    if (this.loop.isStopping) return;
    this.isUsed = await this.queue.isUsed();
    if (!this.isUsed) return;
    if (await this.queue.schedule()) this.loop.signal();
    const free = PER_INSTANCE - this.sending.size;
    if (free <= 0) return;
    for (const delivery of await this.queue.claim(free)) {
      this.sending.add(this.attempts.make(delivery), () => {
        this.loop.signal();
      });
    }
  }
}

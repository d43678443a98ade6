import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { EventHubService } from '../events/event-hub.service.js';
import { DispatchLoop } from './dispatch-loop.js';
import { WebhookAttemptsService } from './webhook-attempts.service.js';
import type { ClaimedDelivery } from './webhook-queue.repository.js';
import { WebhookQueueService } from './webhook-queue.service.js';

/**
 * Sends events to webhooks. Every instance does so: it schedules deliveries of new events, claims those that are due, and
 * sends them without an open transaction. What an instance has claimed when it ends is sent by another, at least once.
 */
@Injectable()
export class WebhookDispatcherService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly loop: DispatchLoop<ClaimedDelivery>;

  constructor(
    queue: WebhookQueueService,
    attempts: WebhookAttemptsService,
    private readonly hub: EventHubService,
  ) {
    this.loop = new DispatchLoop({
      perInstance: 32,
      logger: new Logger(WebhookDispatcherService.name),
      failing: 'Webhooks are not sent.',
      isUsed: () => queue.isUsed(),
      schedule: () => queue.schedule(),
      claim: (limit) => queue.claim(limit),
      make: (delivery) => attempts.make(delivery),
      abort: () => {
        attempts.stop();
      },
    });
  }

  onApplicationBootstrap(): void {
    this.loop.start(this.hub);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.loop.stop();
  }
}

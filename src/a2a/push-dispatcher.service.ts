import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { TransactionsService } from '../database/transactions.service.js';
import { EventHubService } from '../events/event-hub.service.js';
import { EventReaderService } from '../events/event-reader.service.js';
import { DispatchLoop } from '../webhooks/dispatch-loop.js';
import { CLAIM_SECONDS, PushAttemptsService } from './push-attempts.service.js';
import type { PushConfig } from './push-config.entity.js';
import { PushQueueRepository } from './push-queue.repository.js';

/** Number of positions from which all configurations are checked, and not the tasks of the events. */
const MANY_POSITIONS = 1_000;

/**
 * Sends push notifications. Every instance does so: it makes configurations due whose tasks have new events, and claims
 * those that are due. An attempt that an instance has not ended is made by another, at least once.
 */
@Injectable()
export class PushDispatcherService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** The position up to which events were looked at. Undefined: all configurations have to be checked. */
  private after?: number | undefined;
  private readonly loop: DispatchLoop<PushConfig>;

  constructor(
    private readonly queue: PushQueueRepository,
    attempts: PushAttemptsService,
    private readonly events: EventReaderService,
    private readonly hub: EventHubService,
    private readonly transactions: TransactionsService,
  ) {
    this.loop = new DispatchLoop({
      perInstance: 16,
      logger: new Logger(PushDispatcherService.name),
      failing: 'Push notifications are not sent.',
      isUsed: () => this.isUsed(),
      schedule: async () => {
        await this.mark();
        return false;
      },
      claim: (limit) => transactions.run((manager) => queue.claim(manager, limit, CLAIM_SECONDS)),
      make: (config) => attempts.make(config),
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

  private async isUsed(): Promise<boolean> {
    const isUsed = await this.transactions.read((manager) => this.queue.hasOpen(manager));
    if (!isUsed) this.after = undefined;
    return isUsed;
  }

  /** Makes the configurations due whose tasks have new events: all of them at once. */
  private async mark(): Promise<void> {
    const { after } = this;
    const { position } = await this.events.startAfter(undefined);
    if (position === after) return;
    await this.transactions.run((manager) =>
      after !== undefined && position > after && position - after <= MANY_POSITIONS
        ? this.queue.markChanged(manager, after, position)
        : this.queue.markAll(manager),
    );
    this.after = position;
  }
}

import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { BackgroundLoop } from '../database/background-loop.js';
import { TransactionsService } from '../database/transactions.service.js';
import { EventHubService } from '../events/event-hub.service.js';
import { EventReaderService } from '../events/event-reader.service.js';
import { RequestsInProgress } from '../webhooks/requests-in-progress.js';
import { CLAIM_SECONDS, PushAttemptsService } from './push-attempts.service.js';
import { PushQueueRepository } from './push-queue.repository.js';

/** Milliseconds between checks for configurations that are due. */
const POLL_MS = 1_000;
/** Maximum number of requests at a time of this instance. */
const PER_INSTANCE = 16;
/** Number of positions from which all configurations are checked, and not the tasks of the events. */
const MANY_POSITIONS = 1_000;

/**
 * Sends push notifications. Every instance does so: it makes configurations due whose tasks have new events, and claims
 * those that are due. An attempt that an instance has not ended is made by another, at least once.
 */
@Injectable()
export class PushDispatcherService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly sending = new RequestsInProgress();
  /** Whether a configuration could receive updates at the last check. */
  private isUsed = true;
  /** The position up to which events were looked at. Undefined: all configurations have to be checked. */
  private after?: number | undefined;
  private readonly loop = new BackgroundLoop({
    round: () => this.round(),
    pollMs: POLL_MS,
    logger: new Logger(PushDispatcherService.name),
    failing: 'Push notifications are not sent.',
  });

  constructor(
    private readonly queue: PushQueueRepository,
    private readonly attempts: PushAttemptsService,
    private readonly events: EventReaderService,
    private readonly hub: EventHubService,
    private readonly transactions: TransactionsService,
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
    this.isUsed = await this.transactions.read((manager) => this.queue.hasOpen(manager));
    if (!this.isUsed) {
      this.after = undefined;
      return;
    }
    await this.mark();
    const free = PER_INSTANCE - this.sending.size;
    if (free <= 0) return;
    const claimed = await this.transactions.run((manager) =>
      this.queue.claim(manager, free, CLAIM_SECONDS),
    );
    for (const config of claimed) {
      this.sending.add(this.attempts.make(config), () => {
        this.loop.signal();
      });
    }
  }

  /** Makes the configurations due whose tasks have new events. */
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

import type { Logger } from '@nestjs/common';
import { BackgroundLoop } from '../database/background-loop.js';
import type { EventHubService } from '../events/event-hub.service.js';
import { RequestsInProgress } from './requests-in-progress.js';

/** Milliseconds between checks for requests that are due. */
const POLL_MS = 1_000;

/** A kind of requests to endpoints that events cause. All instances send them, each what it has claimed. */
export interface Dispatch<Item> {
  /** Maximum number of requests at a time of this instance. */
  readonly perInstance: number;
  readonly logger: Logger;
  /** The effect of failed rounds, for the log. */
  readonly failing: string;
  /** Whether there can be requests. If not, growth of the event log begins no round. */
  isUsed(): Promise<boolean>;
  /** Makes requests due that new events cause. Returns whether there are more. */
  schedule(): Promise<boolean>;
  /** Claims what is due, at most `limit`. */
  claim(limit: number): Promise<readonly Item[]>;
  /** Sends the requests of a claim. Never rejects. */
  make(item: Item): Promise<void>;
  /** Aborts the present requests. */
  abort(): void;
}

/** Schedules, claims and sends requests to endpoints, after each growth of the event log and once a second. */
export class DispatchLoop<Item> {
  private readonly sending = new RequestsInProgress();
  private readonly loop: BackgroundLoop;
  /** The result of the last check. */
  private isUsed = true;

  constructor(private readonly dispatch: Dispatch<Item>) {
    const { logger, failing } = dispatch;
    this.loop = new BackgroundLoop({ round: () => this.round(), pollMs: POLL_MS, logger, failing });
  }

  start(hub: EventHubService): void {
    hub.onGrowth(() => {
      if (this.isUsed) this.loop.signal();
    });
    this.loop.start();
  }

  /** Resolves when the present requests have ended or are aborted. */
  async stop(): Promise<void> {
    await this.loop.stop();
    await this.sending.stop(() => {
      this.dispatch.abort();
    });
  }

  private async round(): Promise<void> {
    if (this.loop.isStopping) return;
    this.isUsed = await this.dispatch.isUsed();
    if (!this.isUsed) return;
    if (await this.dispatch.schedule()) this.loop.signal();
    const free = this.dispatch.perInstance - this.sending.size;
    if (free <= 0) return;
    for (const item of await this.dispatch.claim(free)) {
      this.sending.add(this.dispatch.make(item), () => {
        this.loop.signal();
      });
    }
  }
}

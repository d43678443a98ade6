import { setTimeout as sleep } from 'node:timers/promises';
import {
  type BeforeApplicationShutdown,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import { newId } from '../common/new-id.js';
import { BackgroundLoop } from '../database/background-loop.js';
import type { Deferred } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { WorkNotifierService } from '../database/work-notifier.service.js';
import { EVENT_LOG_TOPIC, EventHubService } from './event-hub.service.js';
import { BATCH, EventLogRepository, type Numbered } from './event-log.repository.js';

/** Minimum milliseconds between two batches, so that one batch numbers the events of many commits. */
const PAUSE_MS = 40;
/** Minimum pause in durations of the batch before it. Batches take longer under load, and while an old transaction is open. */
const PAUSE_DURATIONS = 10;
/** Milliseconds after a batch of another instance in which this one leaves its events to the next batch of that one. */
const FOLLOW_MS = 100;
/** Milliseconds between checks for events that other instances committed. */
const POLL_MS = 1_000;

/**
 * Gives each committed audit event a position in the event log. Every instance runs a sequencer; the lock of the head
 * admits one at a time. An instance numbers soon after its own commits, unless another one is at it, and once a second what
 * others have left.
 */
@Injectable()
export class SequencerService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(SequencerService.name);
  private readonly loop = new BackgroundLoop({
    round: (isSignalled) => this.round(isSignalled),
    pollMs: POLL_MS,
    pauseAfter: (duration) => Math.max(PAUSE_MS, duration * PAUSE_DURATIONS),
    logger: this.logger,
    failing: 'The event log does not grow.',
    recovered: 'The event log grows again.',
  });

  private readonly instance = newId();
  /** When another instance announced a batch, in milliseconds of the process. */
  private otherNumberedAt = -Infinity;

  constructor(
    private readonly repository: EventLogRepository,
    private readonly transactions: TransactionsService,
    private readonly notifier: WorkNotifierService,
    private readonly audit: AuditService,
    private readonly hub: EventHubService,
  ) {}

  onApplicationBootstrap(): void {
    this.audit.onCommit(() => {
      this.loop.signal();
    });
    this.hub.onGrowth((instance) => {
      if (instance !== this.instance) this.otherNumberedAt = performance.now();
    });
    this.loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.loop.stop();
  }

  private async round(isSignalled: boolean): Promise<void> {
    await this.followOther();
    if (isSignalled || (await this.hasUnnumbered())) await this.numberBatch();
  }

  /** Waits while another instance numbers: its batches contain the events of this one. */
  private async followOther(): Promise<void> {
    for (;;) {
      const left = this.otherNumberedAt + FOLLOW_MS - performance.now();
      if (left <= 0 || this.loop.isStopping) return;
      await sleep(left);
    }
  }

  private hasUnnumbered(): Promise<boolean> {
    return this.transactions.read((manager) => this.repository.hasUnnumbered(manager));
  }

  /** Numbers one batch. If another instance does so now, or there can be more events, the next batch follows soon. */
  private async numberBatch(): Promise<void> {
    const numbered = await this.transactions.runInNewTransaction((manager) => this.number(manager));
    if (numbered === undefined || numbered.found === BATCH) this.loop.signal();
    if (numbered && numbered.found > 0) this.announce();
  }

  private async number(manager: EntityManager): Promise<Deferred<Numbered> | undefined> {
    const head = await this.repository.tryLock(manager);
    if (!head) return undefined;
    if (head.origin !== head.present_origin) {
      await this.repository.beginEpoch(manager, head.present_origin);
    }
    return head.is_backfilled
      ? this.repository.number(manager, head.highest_n)
      : this.repository.backfill(manager);
  }

  private announce(): void {
    // Instances that miss it find the events by polling.
    this.notifier.announce(EVENT_LOG_TOPIC, this.instance).catch(() => undefined);
  }
}

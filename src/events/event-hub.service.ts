import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import { TopicListeners } from '../database/topic-listeners.js';
import { TransactionsService } from '../database/transactions.service.js';
import { Wakeup } from '../database/wakeup.js';
import { WorkNotifierService } from '../database/work-notifier.service.js';
import { messageOf } from '../errors/error-text.js';
import type { EventCursor } from './event-cursor.js';
import { EventLogRepository } from './event-log.repository.js';
import { EventsRepository } from './events.repository.js';
import type { SharedEvent } from './log-event.js';

/** The topic of the announcements that the event log has grown. The text is the id of the instance that numbered. */
export const EVENT_LOG_TOPIC = 'event-log';

/** Milliseconds between reads of the log. They find events of which no announcement arrived. */
const POLL_MS = 1_000;
/** Maximum number of events of one read. */
const BATCH = 500;
/** Limits of the recent events in memory. A reader that is behind them reads from the database. */
const MAX_EVENTS = 2_000;
const MAX_CHARS = 8 * 2 ** 20;
/** The topic of all events. The id of a task is the topic of its events. */
const ALL = 'all';

/**
 * The recent events of the log, in memory, for all readers of this process that wait for the next event. While there is
 * one, the process reads each new event once, on one connection of the pool.
 */
@Injectable()
export class EventHubService implements BeforeApplicationShutdown {
  private readonly logger = new Logger(EventHubService.name);
  private readonly listeners = new TopicListeners();
  private readonly growthListeners: ((instance: string) => void)[] = [];
  private readonly grown = new Wakeup();
  private recent: { event: SharedEvent; chars: number }[] = [];
  private chars = 0;
  /** The end of what was read. Undefined until the first read. */
  private end?: EventCursor;
  private running?: Promise<void>;
  private readonly stopping = new AbortController();

  constructor(
    private readonly log: EventLogRepository,
    private readonly events: EventsRepository,
    private readonly transactions: TransactionsService,
    notifier: WorkNotifierService,
  ) {
    notifier.onAnnouncement(EVENT_LOG_TOPIC, (instance) => {
      this.grown.raise();
      for (const listener of this.growthListeners) listener(instance);
    });
  }

  /** Calls `listener` with the id of an instance that announces that the log has grown. An announcement can be lost. */
  onGrowth(listener: (instance: string) => void): void {
    this.growthListeners.push(listener);
  }

  /** Whether the process is stopping. Then no reader should wait. */
  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping.abort();
    this.grown.raise();
    this.listeners.wakeAll();
    await this.running;
  }

  /**
   * Calls `listener` whenever events were added, of any task or of the one with this id; when events can have been missed;
   * and at shutdown. Returns the function that ends the subscription.
   */
  subscribe(listener: () => void, taskId = ALL): () => void {
    const unsubscribe = this.listeners.subscribe(taskId, listener);
    if (!this.isStopping) this.running ??= this.run();
    return unsubscribe;
  }

  /** Returns the events after a cursor. Undefined if they are not all in memory, or the epoch is another one. */
  findAfter({
    epoch,
    position,
  }: EventCursor): { events: SharedEvent[]; end: EventCursor } | undefined {
    const { end } = this;
    if (
      end?.epoch !== epoch ||
      position < end.position - this.recent.length ||
      position > end.position
    )
      return undefined;
    const count = end.position - position;
    return { events: count === 0 ? [] : this.recent.slice(-count).map(({ event }) => event), end };
  }

  /** Whether the log has begun another epoch since a cursor was valid. */
  isOtherEpoch({ epoch }: EventCursor): boolean {
    return this.end !== undefined && this.end.epoch !== epoch;
  }

  /** Reads until no reader is left. */
  private async run(): Promise<void> {
    while (!this.listeners.isEmpty && !this.isStopping) {
      try {
        await this.readAll();
        await this.grown.raisedWithin(POLL_MS);
      } catch (error) {
        this.logger.debug(`Cannot read the event log. ${messageOf(error)}`);
        await sleep(POLL_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
      }
    }
    this.running = undefined;
    this.reset(undefined);
  }

  private async readAll(): Promise<void> {
    const head = await this.transactions.read((manager) => this.log.getHead(manager));
    if (this.end?.epoch !== head.epoch) {
      this.reset(head);
      this.listeners.wakeAll();
    }
    while (this.end !== undefined && this.end.position < head.position) {
      const after = this.end.position;
      const { rows } = await this.transactions.read((manager) =>
        this.events.listShared(manager, after, BATCH),
      );
      if (rows.length === 0) return;
      for (const event of rows) this.add(event);
      this.end = { ...this.end, position: after + rows.length };
      for (const topic of new Set([ALL, ...rows.map(({ task_id }) => task_id)])) {
        if (topic !== null) this.listeners.wake(topic);
      }
    }
  }

  private add(event: SharedEvent): void {
    const chars = JSON.stringify(event.metadata).length;
    this.recent.push({ event, chars });
    this.chars += chars;
    while (this.recent.length > MAX_EVENTS || this.chars > MAX_CHARS) {
      this.chars -= this.recent.shift()?.chars ?? 0;
    }
  }

  private reset(end: EventCursor | undefined): void {
    this.recent = [];
    this.chars = 0;
    this.end = end;
  }
}

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { withTimeLimit } from '../common/time-limit.js';
import { Wakeup } from '../database/wakeup.js';
import { DomainError } from '../errors/domain-error.js';
import { toCloudEvent } from './cloud-event.js';
import { type EventCursor, formatCursor } from './event-cursor.js';
import type { EventHubService } from './event-hub.service.js';
import type { EventBatch, EventReaderService, Reader } from './event-reader.service.js';
import type { LogEvent } from './log-event.js';

/** Maximum number of events that are read at a time. */
const MAX_BATCH = 100;
/** Characters of events that are written at a time: the memory that a client which does not read can occupy. */
const MAX_CHARS = 256 * 1024;
/** Milliseconds without an event after which a comment keeps the connection open. */
const KEEP_ALIVE_MS = 15_000;
/** Milliseconds that a client has to receive what was written, before it is disconnected. */
const DRAIN_MS = 10_000;
/** Milliseconds after which a stream ends, so that streams spread over instances again. */
const MAX_AGE_MS = 3_600_000;
/** Milliseconds between two attempts while the database is unavailable. */
const RETRY_MS = 1_000;

/** The fields `event` and `data` of events. Streams share the recent events, so each is serialized once. */
const SERIALIZED = new WeakMap<LogEvent, string>();

/** Why the controller ends a stream, as the client receives it. */
export const ANNOUNCED_REASONS = ['token_expired', 'shutdown', 'max_age', 'log_restored'] as const;
/** Why a stream ended. */
export const END_REASONS = [...ANNOUNCED_REASONS, 'slow_consumer', 'closed'] as const;
export type EndReason = (typeof END_REASONS)[number];

/** One stream of Server-Sent Events to one client (WHATWG HTML, section 9.2). */
export class EventStream {
  private readonly wakeup = new Wakeup();
  private readonly endAt = Date.now() + MAX_AGE_MS;
  private readonly expiresAt: number;
  /** Number of events that are read next: about as many as fit into one write, because the others are read again. */
  private batch = MAX_BATCH;

  /** @param after the place from which the client continues */
  constructor(
    private readonly reader: Reader,
    private after: EventCursor,
    private readonly response: ServerResponse,
    private readonly events: EventReaderService,
    private readonly hub: EventHubService,
    /** The source of the CloudEvents. */
    private readonly source: string | undefined,
  ) {
    this.expiresAt = (reader.agent.expiresAt ?? Infinity) * 1000;
  }

  /** Writes events, no faster than the client receives them, until there is a reason to end. */
  async run(): Promise<EndReason> {
    const wake = (): void => {
      this.wakeup.raise();
    };
    this.response.once('close', wake);
    const unsubscribe = this.hub.subscribe(wake);
    try {
      for (;;) {
        const reason = this.reasonToEnd() ?? (await this.writeNext());
        if (reason !== undefined) return reason;
      }
    } finally {
      unsubscribe();
    }
  }

  private reasonToEnd(): EndReason | undefined {
    if (this.response.destroyed) return 'closed';
    if (this.hub.isStopping) return 'shutdown';
    if (Date.now() >= this.expiresAt) return 'token_expired';
    if (Date.now() >= this.endAt) return 'max_age';
    return this.hub.isOtherEpoch(this.after) ? 'log_restored' : undefined;
  }

  /** Writes the next events. At the end of the log, waits for more, and writes a comment if none follow. */
  private async writeNext(): Promise<EndReason | undefined> {
    let batch: EventBatch;
    try {
      batch = await this.events.read(this.reader, this.after, this.batch);
    } catch (error) {
      // The next events were archived. When the client connects again, it receives the cursor to continue after.
      if (isGone(error)) return 'log_restored';
      await sleep(RETRY_MS);
      return undefined;
    }
    if (batch.events.length > 0) return this.write(this.take(batch));
    this.after = batch.next;
    if (batch.next.position < batch.head.position) return undefined;
    const left = Math.min(this.expiresAt, this.endAt) - Date.now();
    if (await this.wakeup.raisedWithin(Math.max(Math.min(KEEP_ALIVE_MS, left), 1)))
      return undefined;
    // An id without data moves the place from which the client continues, and dispatches no event.
    return this.write(`: keep-alive\nid: ${formatCursor(this.after)}\n\n`);
  }

  /** Returns the text of events, and moves the place of the client behind them. Those beyond the limit are read again. */
  private take({ events, next }: EventBatch): string {
    let text = '';
    for (const [index, event] of events.entries()) {
      if (text.length >= MAX_CHARS) {
        this.batch = index;
        return text;
      }
      text += this.format(event);
      this.after = { ...this.after, position: event.position };
    }
    this.after = next;
    this.batch = Math.min(2 * this.batch, MAX_BATCH);
    return text;
  }

  /** Resolves when the client received enough, with a reason to end if it did not do so in time. */
  private async write(text: string): Promise<EndReason | undefined> {
    // The client can have disconnected while the events were read. Then neither event below would follow.
    if (this.response.destroyed) return 'closed';
    if (this.response.write(text)) return undefined;
    const ended = new AbortController();
    try {
      await withTimeLimit(DRAIN_MS, ended.signal, (signal) =>
        Promise.race([
          once(this.response, 'drain', { signal }),
          once(this.response, 'close', { signal }),
        ]),
      );
      return undefined;
    } catch {
      return 'slow_consumer';
    } finally {
      ended.abort();
    }
  }

  private format(event: LogEvent): string {
    const id = formatCursor({ ...this.after, position: event.position });
    let text = SERIALIZED.get(event);
    if (text === undefined) {
      const cloudEvent = toCloudEvent(event, this.source);
      text = `event: ${cloudEvent.type}\ndata: ${JSON.stringify(cloudEvent)}\n\n`;
      SERIALIZED.set(event, text);
    }
    return `id: ${id}\n${text}`;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'events.cursor_gone';
}

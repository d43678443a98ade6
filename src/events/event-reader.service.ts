import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { parseId } from '../common/ids.js';
import { Environment } from '../config/environment.js';
import { TransactionsService } from '../database/transactions.service.js';
import { waitUntil } from '../database/wait-until.js';
import { DomainError } from '../errors/domain-error.js';
import { toAuditEventType, toCloudEvent } from './cloud-event.js';
import type { EventPageDto } from './dto/cloud-event.dto.js';
import type { EventsQuery, EventStreamQuery } from './dto/events.query.js';
import { type EventCursor, formatCursor, parseCursor } from './event-cursor.js';
import { EventHubService } from './event-hub.service.js';
import { EventsRepository } from './events.repository.js';
import { type EventFilter, isSelected, isVisible, type LogEvent } from './log-event.js';

/** Number of positions that one query covers, if no index finds the events of the filter. */
const SECTION = 5_000;
/** Maximum number of such queries of one read. The next read continues after them. */
const MAX_SECTIONS = 10;
/** The cursor of the end of the log, at the time of the request. */
const HEAD = 'head';

/** What one reader reads: the events of a filter that the agent may see. */
export interface Reader {
  readonly agent: Agent;
  readonly filter: EventFilter;
}

/** Some events, and where to continue. */
export interface EventBatch {
  events: LogEvent[];
  next: EventCursor;
  head: EventCursor;
}

/** Reads the event log for a caller. A request that waits has no database connection. */
@Injectable()
export class EventReaderService {
  constructor(
    private readonly events: EventsRepository,
    private readonly hub: EventHubService,
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
  ) {}

  /**
   * Returns the events after a cursor, in the order of the log. If there is none, waits for one for `wait_seconds` at most.
   *
   * @param gone aborts when the client disconnects
   * @throws DomainError `events.cursor_invalid`, `events.cursor_gone` or `events.filter_forbidden`
   */
  async list(agent: Agent, query: EventsQuery, gone: AbortSignal): Promise<EventPageDto> {
    const deadline = performance.now() + this.environment.waitMs(query.wait_seconds);
    const reader = await this.open(agent, query);
    const start = await (query.after === undefined
      ? this.startOfLog()
      : this.startAfter(query.after));
    const { events, next, head } = await this.readUntil(reader, start, query.limit, deadline, gone);
    return {
      events: events.map((event) => toCloudEvent(event, this.environment.PUBLIC_URL)),
      next: formatCursor(next),
      head: formatCursor(head),
    };
  }

  /**
   * Checks the filter of a reader.
   *
   * @throws DomainError `events.filter_forbidden` for a task that the agent cannot read, whether it exists or not
   */
  async open(agent: Agent, { types, task_id, trace_id }: EventStreamQuery): Promise<Reader> {
    const taskId = task_id === undefined ? undefined : parseId(task_id, ['task'])?.id;
    if (taskId !== undefined && !canReadEverything(agent) && !(await this.canRead(agent, taskId))) {
      throw new DomainError(
        'events.filter_forbidden',
        'None of your roles is a participant of the task of `task_id`.',
      );
    }
    const filter = { types: types?.map(toAuditEventType), task_id: taskId, trace_id };
    return { agent, filter };
  }

  /**
   * Returns the place of a reader that continues after a cursor; undefined or `head`: the end of the log.
   *
   * @throws DomainError `events.cursor_invalid` or `events.cursor_gone`
   */
  async startAfter(after: string | undefined): Promise<EventCursor> {
    const isHead = after === undefined || after === HEAD;
    const epochOf = isHead ? undefined : parseCursor(after, NaN)?.epoch;
    const bounds = await this.transactions.read((manager) =>
      this.events.getBounds(manager, epochOf === undefined || Number.isNaN(epochOf) ? 0 : epochOf),
    );
    const { epoch, position, archived } = bounds;
    if (isHead) return { epoch, position };
    const cursor = parseCursor(after, epoch);
    if (cursor === undefined) {
      throw new DomainError(
        'events.cursor_invalid',
        'Send `next` or `head` of a page, the id of an event of a stream, or the word `head`.',
      );
    }
    const common = cursor.epoch < epoch ? (bounds.common ?? position) : position;
    if (cursor.epoch > epoch || cursor.position > common) {
      const last = Math.max(Math.min(common, position), archived);
      const oldest = formatCursor({ epoch, position: last });
      throw new DomainError(
        'events.cursor_gone',
        `The database was restored or failed over, and lacks the events up to the cursor. Continue after ${oldest} (\`oldest\`).`,
        { oldest },
      );
    }
    if (cursor.position < archived) throw archivedAfter({ epoch, position: archived });
    return { epoch, position: cursor.position };
  }

  /** Returns the place before the first event that is not archived. */
  private async startOfLog(): Promise<EventCursor> {
    const bounds = await this.transactions.read((manager) => this.events.getBounds(manager, 0));
    return { epoch: bounds.epoch, position: bounds.archived };
  }

  /** Reads the next events of a reader, from memory if they are recent. */
  async read({ agent, filter }: Reader, after: EventCursor, limit: number): Promise<EventBatch> {
    const recent = this.hub.findAfter(after);
    if (!recent) return this.readStored({ agent, filter }, after, limit);
    const events = recent.events
      .filter((event) => isSelected(event, filter) && isVisible(event, agent))
      .slice(0, limit);
    return { events, next: placeAfter(events, limit, recent.end), head: recent.end };
  }

  private async readStored(
    { agent, filter }: Reader,
    after: EventCursor,
    limit: number,
  ): Promise<EventBatch> {
    const bounds = await this.transactions.read((manager) =>
      this.events.getBounds(manager, after.epoch),
    );
    const { epoch, archived } = bounds;
    if (after.position < archived) throw archivedAfter({ epoch, position: archived });
    const head = { epoch: after.epoch, position: bounds.common ?? bounds.position };
    const isIndexed = filter.task_id !== undefined || filter.trace_id !== undefined;
    const visibleTo = canReadEverything(agent) ? undefined : agent;
    let next = after;
    for (let n = 0; n < MAX_SECTIONS && next.position < head.position; n += 1) {
      const upTo = isIndexed ? head.position : Math.min(next.position + SECTION, head.position);
      const section = { after: next.position, upTo };
      const { rows, isTruncated } = await this.transactions.read((manager) =>
        this.events.list(manager, section, { ...filter, visibleTo }, limit),
      );
      const isFull = isTruncated || rows.length === limit;
      next = { ...next, position: isFull ? (rows.at(-1)?.position ?? upTo) : upTo };
      if (rows.length > 0) return { events: rows, next, head };
    }
    return { events: [], next, head };
  }

  private async readUntil(
    reader: Reader,
    start: EventCursor,
    limit: number,
    deadline: number,
    gone: AbortSignal,
  ): Promise<EventBatch> {
    let batch: EventBatch | undefined;
    return waitUntil(
      {
        read: async (again) => {
          // The memory can be behind the database for a moment. A request that does not wait must not see that.
          batch = batch
            ? await this.read(reader, batch.next, limit)
            : await this.readStored(reader, start, limit);
          if (batch.next.position < batch.head.position) again();
          return batch;
        },
        isMet: ({ events }) => events.length > 0,
        subscribe: (wake) => this.hub.subscribe(wake),
      },
      { deadline, gone, source: this.hub },
    );
  }

  private canRead(agent: Agent, taskId: string): Promise<boolean> {
    return this.transactions.read((manager) =>
      this.events.isParticipant(manager, taskId, agent.roles),
    );
  }
}

/** The place after a full batch is its last event, otherwise the end of what was searched. */
function placeAfter(events: readonly LogEvent[], limit: number, end: EventCursor): EventCursor {
  const last = events.at(-1);
  return last && events.length === limit ? { ...end, position: last.position } : end;
}

function archivedAfter(place: EventCursor): DomainError {
  const oldest = formatCursor(place);
  return new DomainError(
    'events.cursor_gone',
    `Events after the cursor are in the archive. Continue after ${oldest} (\`oldest\`).`,
    { oldest },
  );
}

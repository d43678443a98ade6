import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { ListReadsService } from '../database/replica/list-reads.service.js';
import { DomainError } from '../errors/domain-error.js';
import { AuditRepository, type EventFilter } from './audit.repository.js';
import { type AuditEventDto, type AuditPageDto, toAuditEventDto } from './dto/audit-event.dto.js';
import { decodeAuditCursor, encodeAuditCursor } from './audit-cursor.js';
import { asOfPrimary, type AuditPage, toAuditPage } from './audit-page.js';
import type { ListEventsQuery } from './dto/list-events.query.js';

/** Number of events that an export reads with one query. */
const EXPORT_PAGE = 500;

/** Reads audit events. Admins and auditors see all, other callers those of their tasks and their own reports. */
@Injectable()
export class AuditReaderService {
  constructor(
    private readonly reads: ListReadsService,
    private readonly events: AuditRepository,
  ) {}

  /**
   * Returns a page of the events that the agent may see, oldest first.
   *
   * @throws DomainError `audit.pruned` if events after the cursor are archived
   */
  async list(agent: Agent, query: ListEventsQuery): Promise<AuditPageDto> {
    const { page_size } = query;
    const { rows, cursor } = await this.readPage(toFilter(agent, query), page_size);
    const next_cursor = cursor ? encodeAuditCursor(cursor) : null;
    return { events: rows.map(toAuditEventDto), page_size, next_cursor };
  }

  /**
   * Yields all matching events, oldest first. Reads them page by page and holds no connection between pages.
   *
   * @throws InvalidInputError if the cursor is invalid, before the first event
   * @throws DomainError `audit.pruned` if events after the cursor are archived
   */
  export(agent: Agent, query: ListEventsQuery): AsyncGenerator<AuditEventDto> {
    return this.readAll(toFilter(agent, query));
  }

  private async *readAll(filter: EventFilter): AsyncGenerator<AuditEventDto> {
    let { cursor } = filter;
    do {
      const page = await this.readPage({ ...filter, cursor }, EXPORT_PAGE);
      yield* page.rows.map(toAuditEventDto);
      ({ cursor } = page);
    } while (cursor);
  }

  private async readPage(filter: EventFilter, size: number): Promise<AuditPage> {
    const { cursor } = filter;
    const { found, isArchived } = await this.reads.read(async (manager, snapshot) => {
      const [events, isArchived] = await Promise.all([
        this.events.list(manager, filter, size + 1),
        cursor ? this.events.isArchived(manager, cursor.after.at) : false,
      ]);
      return {
        found: snapshot === undefined ? events : asOfPrimary(events, snapshot),
        isArchived,
      };
    });
    if (isArchived) throw archived();
    return toAuditPage(found, size, cursor);
  }
}

function archived(): DomainError {
  return new DomainError(
    'audit.pruned',
    'Events after the cursor are in the archive. Request their bundle from the operator, and begin without a cursor.',
  );
}

function toFilter(
  agent: Agent,
  { trace_id, task_id, event_type, role, from, to, cursor }: ListEventsQuery,
): EventFilter {
  return {
    visibleTo: canReadEverything(agent) ? undefined : agent,
    trace_id,
    task_id,
    event_type,
    role,
    from,
    to,
    cursor: cursor === undefined ? undefined : decodeAuditCursor(cursor),
  };
}

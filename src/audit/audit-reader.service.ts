import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { TransactionsService } from '../database/transactions.service.js';
import { AuditRepository, type EventFilter } from './audit.repository.js';
import { type AuditEventDto, type AuditPageDto, toAuditEventDto } from './dto/audit-event.dto.js';
import { decodeAuditCursor } from './audit-cursor.js';
import { toAuditPage } from './audit-page.js';
import type { ListEventsQuery } from './dto/list-events.query.js';

/** Number of events that an export reads with one query. */
const EXPORT_PAGE = 500;

/** Reads audit events. Admins and auditors see all, other callers those of their tasks and their own reports. */
@Injectable()
export class AuditReaderService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly events: AuditRepository,
  ) {}

  /** Returns a page of the events that the agent may see, oldest first. */
  async list(agent: Agent, query: ListEventsQuery): Promise<AuditPageDto> {
    const filter = toFilter(agent, query);
    const found = await this.transactions.read((manager) =>
      this.events.list(manager, filter, query.page_size + 1),
    );
    const { rows, next_cursor } = toAuditPage(found, query.page_size, filter.cursor);
    return { events: rows.map(toAuditEventDto), page_size: query.page_size, next_cursor };
  }

  /** Yields all matching events, oldest first. Reads them page by page and holds no connection between pages. */
  async *export(agent: Agent, query: ListEventsQuery): AsyncGenerator<AuditEventDto> {
    let cursor = query.cursor ?? null;
    do {
      const page = await this.list(agent, {
        ...query,
        page_size: EXPORT_PAGE,
        ...(cursor !== null && { cursor }),
      });
      yield* page.events;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }
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

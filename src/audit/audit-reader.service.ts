import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { decodeCursor, keysetAt, toPage } from '../database/keyset.js';
import { sqlPage } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { WhereClause } from '../database/where-clause.js';
import type { AuditEvent } from './audit-event.entity.js';
import { type AuditEventDto, type AuditPageDto, toAuditEventDto } from './dto/audit-event.dto.js';
import type { ListEventsQuery } from './dto/list-events.query.js';

/** Number of events that an export reads with one query. */
const EXPORT_PAGE = 500;

/** Reads audit events. Admins and auditors see all, other callers those of their tasks and their own reports. */
@Injectable()
export class AuditReaderService {
  constructor(private readonly transactions: TransactionsService) {}

  /** Returns a page of the events that the agent may see, oldest first. */
  async list(agent: Agent, query: ListEventsQuery): Promise<AuditPageDto> {
    const where = filter(agent, query);
    const found = await this.transactions.read((manager) =>
      sqlPage<AuditEvent & { keyset_at: string }>(
        manager,
        `SELECT e.*, ${keysetAt('e.timestamp')} AS keyset_at FROM audit_events e ${where.toString()}
          ORDER BY e.timestamp, e.id LIMIT ${where.bind(query.page_size + 1)}`,
        where.parameters,
      ),
    );
    const { rows, next_cursor } = toPage('events', found, query.page_size);
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

const VISIBLE = `(
  EXISTS (SELECT 1 FROM task_participants p WHERE p.task_id = e.task_id AND p.role = ANY(?))
  OR (e.actor = ? AND e.event_type LIKE 'agent.%'))`;

function filter(agent: Agent, query: ListEventsQuery): WhereClause {
  const where = new WhereClause();
  if (!canReadEverything(agent)) where.and(VISIBLE, agent.roles, agent.subject);
  where
    .and('e.trace_id = ?', query.trace_id)
    .and('e.task_id = ?', query.task_id)
    .and('e.event_type = ?', query.event_type)
    .and('e.role = ?', query.role)
    .and('e.timestamp >= ?', query.from)
    .and('e.timestamp < ?', query.to);
  if (query.cursor !== undefined) {
    const { at, id } = decodeCursor('events', query.cursor);
    where.and('(e.timestamp, e.id) > (?::timestamptz, ?::uuid)', at, id);
  }
  return where;
}

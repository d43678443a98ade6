import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { whereVisible } from '../audit/audit.repository.js';
import type { Agent } from '../auth/agent.js';
import { type RowPage, sql, sqlPage } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import type { EventFilter, LogEvent, SharedEvent } from './log-event.js';

/** A part of the event log: the positions after `after`, up to `upTo`. */
export interface Section {
  after: number;
  upTo: number;
}

/** Reads events at their positions. */
@Injectable()
export class EventsRepository {
  /** Returns the first events of a section that the filter selects, and that the agent may read. */
  list(
    manager: EntityManager,
    { after, upTo }: Section,
    filter: EventFilter & { visibleTo: Agent | undefined },
    limit: number,
  ): Promise<RowPage<LogEvent>> {
    const where = whereVisible(new WhereClause(), filter.visibleTo)
      .and('l.position > ?', after)
      .and('l.position <= ?', upTo)
      .and('e.event_type = ANY(?)', filter.types)
      .and('e.task_id = ?', filter.task_id)
      .and('e.trace_id = ?', filter.trace_id);
    const isIndexed = filter.task_id !== undefined || filter.trace_id !== undefined;
    const text = `
      SELECT ${COLUMNS} FROM ${isIndexed ? POSITIONS_OF_EVENTS : EVENTS_AT_POSITIONS} ${where.toString()}
       ORDER BY l.position LIMIT ${where.bind(limit)}`;
    return sqlPage(manager, text, where.parameters);
  }

  /** Returns the first events after a position, for all readers. */
  listShared(manager: EntityManager, after: number, limit: number): Promise<RowPage<SharedEvent>> {
    return sqlPage(manager, LIST_SHARED, [after, limit]);
  }

  /** Whether a task exists in which one of the roles is a participant. */
  async isParticipant(
    manager: EntityManager,
    taskId: string,
    roles: readonly string[],
  ): Promise<boolean> {
    const rows = await sql(
      manager,
      `SELECT 1 FROM task_participants WHERE task_id = $1 AND role = ANY($2) LIMIT 1`,
      [taskId, roles],
    );
    return rows.length > 0;
  }

  /**
   * Returns the end of the log, the last position that this database has in common with an epoch (null for the present
   * epoch), and the last position whose event is archived and no longer in the database (0: none).
   */
  async getBounds(manager: EntityManager, epoch: number): Promise<Bounds> {
    const [bounds] = await sql<Bounds>(manager, BOUNDS, [epoch]);
    if (!bounds) throw new Error('The event log has no head');
    return bounds;
  }
}

export interface Bounds {
  epoch: number;
  position: number;
  common: number | null;
  archived: number;
}

const COLUMNS = `
  l.position::float8 AS position, e.id, e.event_type, e.role, e.actor, e.timestamp, e.trace_id, e.task_id,
  e.session_id, e.approval_id, e.metadata`;

/** Reads event by event, in the order of their positions. OFFSET 0 keeps PostgreSQL from a scan of the whole audit log. */
export const EVENTS_AT_POSITIONS = `
  event_log l CROSS JOIN LATERAL (SELECT * FROM audit_events a WHERE a.id = l.event_id OFFSET 0) e`;

/** Reads the events that an index of the audit log finds, and the position of each. */
const POSITIONS_OF_EVENTS = `
  audit_events e
  CROSS JOIN LATERAL (SELECT p.position FROM event_log p WHERE p.event_id = e.id OFFSET 0) l`;

const LIST_SHARED = `
  SELECT ${COLUMNS},
         ARRAY(SELECT p.role FROM task_participants p WHERE p.task_id = e.task_id) AS participants
    FROM ${EVENTS_AT_POSITIONS}
   WHERE l.position > $1 ORDER BY l.position LIMIT $2`;

const BOUNDS = `
  SELECT h.epoch, h.last_position::float8 AS position,
         (SELECT min(after_position)::float8 FROM event_log_epochs WHERE epoch > $1) AS common,
         (SELECT coalesce(max(first_position + pruned - 1) FILTER (WHERE pruned > 0), 0)::float8 FROM audit_log) AS archived
    FROM event_log_head h`;

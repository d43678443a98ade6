import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { type CursorRow, type Keyset, keysetAt } from '../database/keyset.js';
import { queueSql, type RowPage, sql, sqlPage } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import type { AuditEvent } from './audit-event.entity.js';

/** The values of a new event. `JSON.stringify` omits members that are undefined; their columns are null. */
export type AuditRow = Pick<AuditEvent, 'id' | 'event_type' | 'role' | 'actor' | 'trace_id'> & {
  task_id: string | null | undefined;
  session_id: string | undefined;
  approval_id: string | undefined;
  metadata: Record<string, unknown>;
};

/** Selects events of a list. A member that is undefined selects all. */
export interface EventFilter {
  /** Events of tasks in which the agent is a participant, and events that it reported. */
  visibleTo: Agent | undefined;
  trace_id: string | undefined;
  task_id: string | undefined;
  event_type: string | undefined;
  role: string | undefined;
  from: string | undefined;
  to: string | undefined;
  after: Keyset | undefined;
}

/** Runs the statements of the table `audit_events`. */
@Injectable()
export class AuditRepository {
  /** Inserts events with one statement, which is sent with the next statement of the transaction. */
  insert(manager: EntityManager, rows: readonly AuditRow[]): void {
    queueSql(manager, INSERT, [serializeEvents(rows)]);
  }

  /** Returns the first events that the filter selects, oldest first. */
  list(
    manager: EntityManager,
    filter: EventFilter,
    limit: number,
  ): Promise<RowPage<AuditEvent & CursorRow>> {
    const where = whereOf(filter);
    const text = `
      SELECT e.*, ${keysetAt('e.timestamp')} AS keyset_at FROM audit_events e ${where.toString()}
       ORDER BY e.timestamp, e.id LIMIT ${where.bind(limit)}`;
    return sqlPage(manager, text, where.parameters);
  }

  /** Returns the first events of a task, oldest first. */
  listOfTask(manager: EntityManager, taskId: string, limit: number): Promise<AuditEvent[]> {
    return sql(
      manager,
      `SELECT * FROM audit_events WHERE task_id = $1 ORDER BY timestamp, id LIMIT $2`,
      [taskId, limit],
    );
  }
}

/**
 * Returns SQL that changes a row and inserts the audit event of the change. Its result is the result of the change. If
 * the change affects no row, the statement fails as a conflict.
 *
 * @param change a statement with RETURNING
 * @param event the placeholder of the event, for a value of {@link serializeEvents}
 */
export function withEvent(change: string, event: string): string {
  return `
  WITH change AS (${change}),
       event AS (${insertOf(`${event}::jsonb`, TIME_OF_CHANGE)})
  SELECT * FROM change`;
}

/** Returns the value of the parameter from which a statement inserts events. */
export function serializeEvents(rows: readonly AuditRow[]): string {
  return JSON.stringify(rows);
}

/** Reads the clock, not the start of the transaction, so that the events of one transaction keep their order. */
function insertOf(events: string, time = 'clock_timestamp()'): string {
  return `
  INSERT INTO audit_events
    (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, approval_id, metadata)
  SELECT id, event_type, role, actor, ${time}, trace_id, task_id, session_id, approval_id, metadata
    FROM jsonb_to_recordset(${events})
      AS e(id uuid, event_type text, role text, actor text, trace_id uuid, task_id uuid, session_id uuid,
           approval_id uuid, metadata jsonb)`;
}

const INSERT = insertOf('$1');

const TIME_OF_CHANGE = `
  coalesce((SELECT clock_timestamp() FROM change),
           raise_conflict('Another transaction changed the row first.')::timestamptz)`;

function whereOf({ visibleTo, after, ...filter }: EventFilter): WhereClause {
  return whereVisible(new WhereClause(), visibleTo)
    .and('e.trace_id = ?', filter.trace_id)
    .and('e.task_id = ?', filter.task_id)
    .and('e.event_type = ?', filter.event_type)
    .and('e.role = ?', filter.role)
    .and('e.timestamp >= ?', filter.from)
    .and('e.timestamp < ?', filter.to)
    .and('(e.timestamp, e.id) > (?::timestamptz, ?::uuid)', after?.at, after?.id);
}

/** Adds the condition that an agent may read the event `e`. Undefined: an agent that may read all events. */
export function whereVisible(where: WhereClause, agent: Agent | undefined): WhereClause {
  return agent ? where.and(VISIBLE, agent.roles, agent.subject) : where;
}

const VISIBLE = `(
  EXISTS (SELECT 1 FROM task_participants p WHERE p.task_id = e.task_id AND p.role = ANY(?))
  OR (e.actor = ? AND e.event_type LIKE 'agent.%'))`;

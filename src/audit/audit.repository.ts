import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { type CursorRow, keysetAt } from '../database/keyset.js';
import { jsonTime } from '../database/timestamp.js';
import { MERGED_COLUMNS, mergeRanges, type Ranges } from '../database/merged-ranges.js';
import { queueSql, type RowPage, sql, sqlPage } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import type { AuditEvent } from './audit-event.entity.js';
import type { AuditCursor } from './audit-cursor.js';
import { eventRanges, readsFew } from './event-ranges.sql.js';

const IS_ARCHIVED = `SELECT 1 FROM audit_log WHERE archived_until >= $1::timestamptz LIMIT 1`;

/** The values of a new event. `JSON.stringify` omits members that are undefined; their columns are null. */
export type AuditRow = Pick<AuditEvent, 'id' | 'event_type' | 'role' | 'actor' | 'trace_id'> & {
  task_id: string | null | undefined;
  session_id: string | undefined;
  approval_id: string | undefined;
  /** Salt of the commitments of the event. */
  salt: string;
  /** The time of the event, as text of PostgreSQL. Undefined for the time of the INSERT. */
  at: string | undefined;
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
  cursor: AuditCursor | undefined;
}

/** An event in a list. */
export type ListedEvent = AuditEvent &
  CursorRow & {
    /** Whether it is not after the cursor, but of a transaction that had not ended when the cursor was made. */
    is_late: boolean;
    /** Which transactions the list contains: PostgreSQL's text of a snapshot. */
    snapshot: string;
  };

/** Runs the statements of the table `audit_events`. */
@Injectable()
export class AuditRepository {
  /** Inserts events with one statement, which is sent with the next statement of the transaction. */
  insert(manager: EntityManager, rows: readonly AuditRow[]): void {
    queueSql(manager, INSERT, [serializeEvents(rows)]);
  }

  /** Returns the first events that the filter selects: late ones, then the others, oldest first. */
  async list(
    manager: EntityManager,
    filter: EventFilter,
    limit: number,
  ): Promise<RowPage<ListedEvent>> {
    const statement = new WhereClause();
    const ranges = eventRanges(statement, filter, await this.isReaderOfFew(manager, filter));
    const parts = [followingEvents(ranges, limit), ...lateEvents(statement, filter)];
    return sqlPage(manager, merge(parts, limit), statement.parameters);
  }

  /** Whether the caller can read few events. Read only for the filter that depends on it. */
  private async isReaderOfFew(
    manager: EntityManager,
    { visibleTo, role }: EventFilter,
  ): Promise<boolean> {
    if (!visibleTo || role === undefined) return false;
    const [row] = await sql<{ is_reader_of_few: boolean }>(manager, ...readsFew(visibleTo));
    return row?.is_reader_of_few ?? false;
  }

  /** Whether events from a time on are archived, and no longer in the database. */
  async isArchived(manager: EntityManager, time: string): Promise<boolean> {
    return (await sql(manager, IS_ARCHIVED, [time])).length > 0;
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
 * @param change a statement with RETURNING, also of `updated_at`, which becomes the time of the event
 * @param event the placeholder of the event, for a value of {@link serializeEvents}
 * @param facts SQL for further facts, a jsonb object. It can read the returned row as `c`.
 */
export function withEvent(change: string, event: string, facts: string): string {
  return `
  WITH change AS (${change}),
       event AS (${insertOf(`${event}::jsonb`, {
         time: TIME_OF_CHANGE,
         metadata: `e.metadata || ${facts}`,
         join: 'LEFT JOIN change c ON true',
       })})
  SELECT * FROM change`;
}

/** Returns the value of the parameter from which a statement inserts events. */
export function serializeEvents(rows: readonly AuditRow[]): string {
  return JSON.stringify(rows);
}

/**
 * Reads the clock, not the start of the transaction, so that the events of one transaction keep their order. The
 * transaction has an id before, so that {@link AuditRepository.list} knows it as open.
 */
function insertOf(events: string, { time, metadata, join = '' }: EventSource): string {
  return `
  INSERT INTO audit_events
    (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, approval_id, salt, metadata)
  SELECT e.id, e.event_type, e.role, e.actor, ${time}, e.trace_id, e.task_id, e.session_id, e.approval_id, e.salt,
         ${metadata}
    FROM jsonb_to_recordset(${events})
      AS e(id uuid, event_type text, role text, actor text, trace_id uuid, task_id uuid, session_id uuid,
           approval_id uuid, salt uuid, at timestamptz, metadata jsonb) ${join}`;
}

/** SQL expressions of an INSERT of events. */
interface EventSource {
  time: string;
  metadata: string;
  join?: string;
}

/**
 * The INSERT of a task is sent with that of its event, so this process has not read `created_at`, and the database key is
 * chosen by the INSERT.
 */
const TASK_FACTS = `
  (SELECT jsonb_build_object('began', ${jsonTime('t.created_at')}, 'idempotency_key', t.idempotency_key)
     FROM tasks t WHERE t.id = e.task_id)`;

const INSERT = insertOf('$1', {
  time: 'coalesce(e.at, event_time())',
  metadata: `CASE WHEN e.event_type = 'task_routed' THEN e.metadata || ${TASK_FACTS} ELSE e.metadata END`,
});

const TIME_OF_CHANGE = `
  coalesce(c.updated_at, raise_conflict('Another transaction changed the row first.')::timestamptz)`;

/** Columns of a {@link ListedEvent} `e`. */
const LISTED = `
  e.id, e.event_type, e.role, e.actor, e.timestamp, e.trace_id, e.task_id, e.session_id, e.approval_id, e.metadata,
  e.tx, ${keysetAt('e.timestamp')} AS keyset_at,
  pg_current_snapshot()::text AS snapshot`;

/**
 * How many ids after {@link OpenTransactions.next} a transaction can have that had begun: more than transactions and
 * savepoints that are open at one time. Transactions that began later have later events.
 */
const MAX_BEGUN = 10_000;

/** Part of a list: events `e`. */
interface ListPart {
  /** FROM item and WHERE clause of the events `e`. */
  from: string;
  /** The order of the parts in the list. */
  rank: 'unfinished' | 'late' | 'following';
}

function followingEvents(ranges: readonly Ranges[], limit: number): ListPart {
  const positions = mergeRanges(ranges, 'ASC', limit);
  return { from: `(${positions}) m JOIN audit_events e ON e.id = m.id`, rank: 'following' };
}

/** Returns the parts with events up to the cursor of transactions that had not ended when it was made. */
function lateEvents(statement: WhereClause, filter: EventFilter): ListPart[] {
  const { cursor } = filter;
  if (!cursor?.unread) return [];
  const { after, part, unread } = cursor;
  const whereLate = (condition: string, ...values: readonly unknown[]): WhereClause =>
    whereOf(statement, filter)
      .and(condition, ...values)
      .and(`(e.timestamp, e.id) <= ${POSITION}`, after.at, after.id);
  const ranges = [
    whereLate('e.tx >= ?::bigint AND e.tx < ?::bigint', unread.next, unread.next + MAX_BEGUN),
  ];
  const open = unread.open.filter((tx) => tx !== part?.tx);
  if (open.length > 0) ranges.push(whereLate('e.tx = ANY(?::bigint[])', open));
  const late = ranges.map((where): ListPart => ({ from: fromEvents(where), rank: 'late' }));
  if (!part) return late;
  const where = whereLate('e.tx = ?::bigint AND e.id > ?::uuid', part.tx, part.id);
  return [{ from: fromEvents(where), rank: 'unfinished' }, ...late];
}

const POSITION = '(?::timestamptz, ?::uuid)';

/** Returns SQL for the first events of all parts: late ones by transaction, then the following ones by time. */
function merge(parts: readonly ListPart[], limit: number): string {
  const selects = parts.map(
    ({ from, rank }) => `
      (SELECT ${LISTED}, ${RANKS[rank]} AS rank,
              ${rank === 'following' ? MERGED_COLUMNS : 'true AS is_match, false AS is_last_read'}
         FROM ${from}
        ORDER BY ${rank === 'following' ? 'e.timestamp' : 'e.tx'}, e.id LIMIT ${limit})`,
  );
  return `
    SELECT *, rank < ${RANKS.following} AS is_late FROM (${selects.join(' UNION ALL ')}) u
     ORDER BY rank, CASE WHEN rank < ${RANKS.following} THEN tx END,
              CASE WHEN rank = ${RANKS.following} THEN timestamp END, id LIMIT ${limit}`;
}

function fromEvents(where: WhereClause): string {
  return `audit_events e ${where.toString()}`;
}

const RANKS = { unfinished: 0, late: 1, following: 2 } as const;

function whereOf(statement: WhereClause, { visibleTo, ...filter }: EventFilter): WhereClause {
  return whereVisible(new WhereClause(statement), visibleTo)
    .and('e.trace_id = ?', filter.trace_id)
    .and('e.task_id = ?', filter.task_id)
    .and('e.event_type = ?', filter.event_type)
    .and('e.role = ?', filter.role)
    .and('e.timestamp >= ?', filter.from)
    .and('e.timestamp < ?', filter.to);
}

/** Adds the condition that an agent may read the event `e`. Undefined: an agent that may read all events. */
export function whereVisible(where: WhereClause, agent: Agent | undefined): WhereClause {
  return agent ? where.and(VISIBLE, agent.roles, agent.subject) : where;
}

/** In a form that PostgreSQL evaluates event by event. */
const VISIBLE = `(
  coalesce((SELECT true FROM task_participants p WHERE p.task_id = e.task_id AND p.role = ANY(?) LIMIT 1), false)
  OR (e.actor = ? AND e.event_type LIKE 'agent.%'))`;

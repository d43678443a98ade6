import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { keysetAt } from '../database/keyset.js';
import { MAX_READ } from '../database/merged-ranges.js';
import { type RowPage, sql, sqlPage } from '../database/sql.js';
import { type Placeholders, statement } from '../database/statement.js';
import { WhereClause } from '../database/where-clause.js';
import { clockChecks } from '../lifecycle/clock-checks.sql.js';
import { overdue } from '../lifecycle/overdue.sql.js';
import { type PauseNotice, toPauseNotice } from '../roles/pause-notice.js';
import { type PauseColumns, unlessPaused } from '../roles/role-pauses.sql.js';
import type { ReadSession } from '../sessions/sessions.repository.js';
import type { TaskFilter, TaskRow } from './task-lists.repository.js';
import { TASK_COLUMNS } from './task-view.sql.js';

/** Selects tasks of the inbox of the role `to_role`. */
export type InboxFilter = Omit<TaskFilter, 'to_role' | 'status' | 'claimed_by'> & {
  to_role: string;
};

/** Reads the inbox of a role: its due attempts by priority, then age. */
@Injectable()
export class InboxRepository {
  constructor(private readonly environment: Environment) {}

  /**
   * Returns the first tasks of an inbox.
   *
   * The limit is a literal. For a parameter the generic plan assumes a tenth of all rows, so PostgreSQL would plan each
   * request again. The other lists gain from a plan for their parameters.
   */
  list(manager: EntityManager, filter: InboxFilter, limit: number): Promise<RowPage<TaskRow>> {
    const where = new WhereClause();
    const attempts = this.attempts(where, filter);
    const text = `
      SELECT ${TASK_COLUMNS}, a.id AS session_id, a.attempt, a.claimed_by, a.parked_for, a.status,
             ${keysetAt(QUEUE_POSITION)} AS keyset_at, a.is_match, a.is_last_read
        FROM (SELECT a.* FROM ${URGENCIES} CROSS JOIN LATERAL (${attempts} LIMIT ${limit}) a LIMIT ${limit}) a
        JOIN tasks t ON t.id = a.task_id
       ORDER BY ${BY_URGENCY}`;
    return sqlPage(manager, text, where.parameters);
  }

  /**
   * Returns the number of due attempts of a role, optionally of some types only, at most `limit`; 0 with the pause if the
   * role is paused.
   */
  async count(
    manager: EntityManager,
    role: string,
    types: readonly string[] | undefined,
    limit: number,
  ): Promise<{ pending: number; pause: PauseNotice | null }> {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    const due =
      types === undefined ? DUE({ role, days, limit }) : DUE_OF_TYPES({ role, days, limit, types });
    const rows = await sql<PauseColumns & { is_due: true | null }>(manager, ...due);
    const [first] = rows;
    return {
      pending: rows.filter(({ is_due }) => is_due === true).length,
      pause: first ? toPauseNotice(role, first) : null,
    };
  }

  /**
   * Locks and returns the first due attempt of a role that is not locked, unless the role is paused. `next` is undefined if
   * there is none.
   */
  async lockNext(
    manager: EntityManager,
    role: string,
    types: readonly string[] | undefined,
  ): Promise<{ next: ReadSession | undefined; pause: PauseNotice | null }> {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    const next = types === undefined ? NEXT({ role, days }) : NEXT_OF_TYPES({ role, days, types });
    const [row] = await sql<PauseColumns & (ReadSession | NoAttempt)>(manager, ...next);
    if (!row) return { next: undefined, pause: null };
    return { next: row.id === null ? undefined : row, pause: toPauseNotice(role, row) };
  }

  /** The due attempts of one priority, oldest first. Reads a limited number of them to check the filter. */
  private attempts(where: WhereClause, { to_role, after, ...filter }: InboxFilter): string {
    const due = new WhereClause(where)
      .and(OF_ROLE, to_role)
      .and('-a.priority = u.urgency')
      .and('a.task_type = ?', filter.task_type)
      .and(
        AFTER,
        after && -(after.sortRank ?? 0),
        after && -(after.sortRank ?? 0),
        after?.at,
        after?.id,
      )
      .and(isDue('?'), this.environment.SESSION_RETENTION_DAYS);
    const rows = `SELECT a.* FROM sessions a ${due.toString()} ORDER BY ${QUEUE_POSITION}, a.id`;
    const seesAll = !filter.participants || filter.participants.includes(to_role);
    const check = new WhereClause(where)
      .and(IS_READER, seesAll ? undefined : filter.participants, filter.participants)
      .and('a.from_role = ?', filter.from_role)
      .and('a.trace_id = ?', filter.trace_id)
      .and('a.task_created_at >= ?', filter.created_since);
    if (check.isEmpty)
      return `SELECT a.*, true AS is_match, false AS is_last_read FROM (${rows}) a`;
    return `
      SELECT c.*, n = ${MAX_READ} AS is_last_read
        FROM (SELECT a.*, (${check.condition}) AS is_match
                FROM (SELECT a.*, row_number() OVER () AS n FROM (${rows} LIMIT ${MAX_READ}) a) a OFFSET 0) c
       WHERE is_match OR n = ${MAX_READ}`;
  }
}

/** FROM item of the priorities, highest first, as the first column of the inbox indexes orders them. */
export const URGENCIES = 'unnest(ARRAY[-2, -1, 0]::smallint[]) AS u(urgency)';

/** The subquery hides the role from the planner: with a role that has few tasks, it would plan each request again. */
const OF_ROLE = 'a.role = (SELECT ?::text)';

/**
 * Time by which attempts `a` of one priority are ordered: their creation, the place kept from a released attempt, or the
 * time at which they become due. So an index range ends before the attempts that are due later.
 */
export const QUEUE_POSITION = 'coalesce(a.queued_at, a.created_at)';

/** Order of the inbox: by priority, then age. Must be written like the expressions of the index. */
const BY_URGENCY = `-a.priority, ${QUEUE_POSITION}, a.id`;

/** Condition that an attempt `a` of the priority `u` follows a cursor. */
const AFTER = `u.urgency >= ?::smallint AND (${QUEUE_POSITION}, a.id) >
  (SELECT CASE WHEN u.urgency = c.urgency THEN c.at ELSE '-infinity' END,
          CASE WHEN u.urgency = c.urgency THEN c.id ELSE '00000000-0000-0000-0000-000000000000' END
     FROM (SELECT ?::smallint AS urgency, ?::timestamptz AS at, ?::uuid AS id) c)`;

/** Condition that a role is the requester or an approver of the task of an attempt `a`. */
const IS_READER = `(a.from_role = ANY(?)
  OR coalesce((SELECT true FROM task_approvers p WHERE p.task_id = a.task_id AND p.role = ANY(?) LIMIT 1), false))`;

/**
 * Returns the SQL condition that an attempt `a` is due. The second of tolerance is for attempts that are committed while
 * the statement starts.
 *
 * @param days placeholder of the retention in days
 */
function isDue(days: string): string {
  return `a.attempt IS NOT NULL AND a.status = 'pending' AND NOT ${overdue('a', days)}
    AND ${QUEUE_POSITION} <= statement_timestamp() + interval '1 second'
    AND (a.not_before IS NULL OR a.not_before <= clock_timestamp())
    AND (a.deadline_at IS NULL OR a.deadline_at > clock_timestamp())`;
}

/** A row without an attempt. */
interface NoAttempt {
  id: null;
}

interface OfRole {
  role: string;
  days: number;
}

interface OfTypes extends OfRole {
  types: readonly string[];
}

const DUE = statement<OfRole & { limit: number }>(({ role, days, limit }) =>
  unlessPaused(
    role,
    `
  SELECT true AS is_due FROM ${URGENCIES} CROSS JOIN LATERAL (
    SELECT 1 FROM sessions a
     WHERE a.role = ${role} AND -a.priority = u.urgency AND ${isDue(days)}
     ORDER BY ${QUEUE_POSITION}, a.id -- the order of the index
     LIMIT ${limit}
  ) a LIMIT ${limit}`,
  ),
);

const DUE_OF_TYPES = statement<OfTypes & { limit: number }>((value) =>
  unlessPaused(
    value.role,
    `
  SELECT true AS is_due FROM ${URGENCIES} CROSS JOIN ${dueOfTypes(value, value.limit)} LIMIT ${value.limit}`,
  ),
);

/**
 * Returns the FROM item of the due attempts `a` of a role and of the priority `u`, the first ones of each type. An index
 * serves it.
 *
 * @param most placeholder or number: the maximum number of attempts of each type
 */
function dueOfTypes({ role, days, types }: Placeholders<OfTypes>, most: string): string {
  return `unnest(${types}::text[]) AS type CROSS JOIN LATERAL (
    SELECT a.id, a.queued_at, a.created_at FROM sessions a
     WHERE a.role = ${role} AND a.task_type = type AND -a.priority = u.urgency AND ${isDue(days)}
     ORDER BY ${QUEUE_POSITION}, a.id LIMIT ${most}
  ) a`;
}

/** Reads the priorities one after the other, until an attempt is found. */
const NEXT = statement<OfRole>(({ role, days }) =>
  unlessPaused(
    role,
    `
  SELECT n.*, ${clockChecks('n')} FROM ${URGENCIES} CROSS JOIN LATERAL (
    SELECT a.* FROM sessions a
     WHERE a.role = ${role} AND -a.priority = u.urgency AND ${isDue(days)}
     ORDER BY ${QUEUE_POSITION}, a.id
     LIMIT 1 FOR UPDATE OF a SKIP LOCKED
  ) n
  LIMIT 1`,
  ),
);

/**
 * The same for the given types. Selects the first 100 due attempts of each type through an index, more than are claimed
 * at the same time, and locks the first of them that is not locked. The status is checked again on the locked row, which
 * can be newer than the selected one.
 */
const NEXT_OF_TYPES = statement<OfTypes>((value) =>
  unlessPaused(
    value.role,
    `
  SELECT n.*, ${clockChecks('n')} FROM ${URGENCIES} CROSS JOIN LATERAL (
    SELECT s.*
      FROM (SELECT * FROM ${dueOfTypes(value, '100')} ORDER BY ${QUEUE_POSITION}, a.id) a
     CROSS JOIN LATERAL (
       SELECT s.* FROM sessions s WHERE s.id = a.id AND s.status = 'pending' FOR UPDATE SKIP LOCKED
     ) s
     LIMIT 1
  ) n
  LIMIT 1`,
  ),
);

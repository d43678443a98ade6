import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { keysetAt } from '../database/keyset.js';
import { type RowPage, sql, sqlPage } from '../database/sql.js';
import { type Placeholders, statement } from '../database/statement.js';
import { WhereClause } from '../database/where-clause.js';
import { clockChecks } from '../lifecycle/clock-checks.sql.js';
import { overdue } from '../lifecycle/overdue.sql.js';
import type { ReadSession } from '../sessions/sessions.repository.js';
import type { TaskFilter, TaskRow } from './task-lists.repository.js';
import { TAKES_PART, TASK_COLUMNS } from './task-view.sql.js';

/** Selects tasks of the inbox of the role `to_role`. */
export type InboxFilter = Omit<TaskFilter, 'to_role' | 'status'> & { to_role: string };

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
    const where = this.whereOf(filter);
    const text = `
      SELECT ${TASK_COLUMNS}, a.id AS session_id, a.attempt, a.claimed_by, a.parked_for, a.status,
             ${keysetAt(QUEUE_POSITION)} AS keyset_at
        FROM sessions a JOIN tasks t ON t.id = a.task_id ${where.toString()}
       ORDER BY ${BY_URGENCY} LIMIT ${limit}`;
    return sqlPage(manager, text, where.parameters);
  }

  /** Returns the number of due attempts of a role, optionally of some types only, at most `limit`. */
  async count(
    manager: EntityManager,
    role: string,
    types: readonly string[] | undefined,
    limit: number,
  ): Promise<number> {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    const due =
      types === undefined ? DUE({ role, days, limit }) : DUE_OF_TYPES({ role, days, limit, types });
    return (await sql(manager, ...due)).length;
  }

  /** Locks and returns the first due attempt of a role that is not locked. Undefined if there is none. */
  async lockNext(
    manager: EntityManager,
    role: string,
    types: readonly string[] | undefined,
  ): Promise<ReadSession | undefined> {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    const next = types === undefined ? NEXT({ role, days }) : NEXT_OF_TYPES({ role, days, types });
    const [attempt] = await sql<ReadSession>(manager, ...next);
    return attempt;
  }

  private whereOf({ participants, to_role, after, ...filter }: InboxFilter): WhereClause {
    return new WhereClause()
      .and(TAKES_PART, participants, participants, participants)
      .and(OF_ROLE, to_role)
      .and('t.from_role = ?', filter.from_role)
      .and('a.task_type = ?', filter.task_type)
      .and('t.trace_id = ?', filter.trace_id)
      .and('t.created_at >= ?', filter.created_since)
      .and(
        `(${BY_URGENCY}) > (?::smallint, ?::timestamptz, ?::uuid)`,
        after && -(after.sortRank ?? 0),
        after?.at,
        after?.id,
      )
      .and(due('?'), this.environment.SESSION_RETENTION_DAYS);
  }
}

/** The subquery hides the role from the planner: with a role that has few tasks, it would plan each request again. */
const OF_ROLE = 'a.role = (SELECT ?::text)';

/** Time by which attempts `a` of one priority are ordered: their creation, or the place kept from a released attempt. */
const QUEUE_POSITION = 'coalesce(a.queued_at, a.created_at)';

/** Order of the inbox: by priority, then age. Must be written like the expressions of the index. */
const BY_URGENCY = `-a.priority, ${QUEUE_POSITION}, a.id`;

/**
 * Returns the SQL condition that an attempt `a` is due.
 *
 * @param days placeholder of the retention in days
 */
function due(days: string): string {
  return `a.attempt IS NOT NULL AND a.status = 'pending' AND NOT ${overdue('a', days)}
    AND (a.not_before IS NULL OR a.not_before <= clock_timestamp())
    AND (a.deadline_at IS NULL OR a.deadline_at > clock_timestamp())`;
}

interface OfRole {
  role: string;
  days: number;
}

interface OfTypes extends OfRole {
  types: readonly string[];
}

const DUE = statement<OfRole & { limit: number }>(
  ({ role, days, limit }) => `
  SELECT 1 FROM sessions a
   WHERE a.role = ${role} AND ${due(days)}
   ORDER BY ${BY_URGENCY} -- the order of the index
   LIMIT ${limit}`,
);

const DUE_OF_TYPES = statement<OfTypes & { limit: number }>(
  (value) => `SELECT 1 FROM ${dueOfTypes(value, value.limit)} LIMIT ${value.limit}`,
);

/**
 * Returns the FROM item of the due attempts `a` of a role, the first ones of each type. An index serves it.
 *
 * @param most placeholder or number: the maximum number of attempts of each type
 */
function dueOfTypes({ role, days, types }: Placeholders<OfTypes>, most: string): string {
  return `unnest(${types}::text[]) AS type CROSS JOIN LATERAL (
    SELECT a.id, a.priority, a.queued_at, a.created_at FROM sessions a
     WHERE a.role = ${role} AND a.task_type = type AND ${due(days)}
     ORDER BY ${BY_URGENCY} LIMIT ${most}
  ) a`;
}

const NEXT = statement<OfRole>(
  ({ role, days }) => `
  SELECT a.*, ${clockChecks('a')} FROM sessions a
   WHERE a.role = ${role} AND ${due(days)}
   ORDER BY ${BY_URGENCY}
   LIMIT 1 FOR UPDATE OF a SKIP LOCKED`,
);

/**
 * The same for the given types. Selects the first 100 due attempts of each type through an index, more than are claimed
 * at the same time, and locks the first of them that is not locked. The status is checked again on the locked row, which
 * can be newer than the selected one.
 */
const NEXT_OF_TYPES = statement<OfTypes>(
  (value) => `
  SELECT s.*, ${clockChecks('s')}
    FROM (SELECT * FROM ${dueOfTypes(value, '100')} ORDER BY ${BY_URGENCY}) a
   CROSS JOIN LATERAL (
     SELECT s.* FROM sessions s WHERE s.id = a.id AND s.status = 'pending' FOR UPDATE SKIP LOCKED
   ) s
   LIMIT 1`,
);

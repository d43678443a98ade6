import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { approvalStatusNow } from '../approvals/approval-status.sql.js';
import { Environment } from '../config/environment.js';
import { type CursorRow, type Keyset, keysetAt } from '../database/keyset.js';
import { type RowPage, sql, sqlPage } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import type { TaskStatus } from '../lifecycle/task-status.js';
import { currentStatus, TAKES_PART } from '../tasks/task-view.sql.js';
import type { PendingApproval, TaskFacts } from './task-facts.js';

/** Type of the event that contains a further message of a task. */
export const MESSAGE_EVENT = 'agent.a2a.message';

/** Selects tasks of a role. A member that is undefined selects all. */
export interface A2aTaskFilter {
  readonly role: string;
  /** Roles of the caller, on which the state of a task depends. */
  readonly callerRoles: readonly string[];
  /** Tasks in which one of these roles is a participant. */
  readonly participants: readonly string[] | undefined;
  readonly trace_id: string | undefined;
  /** Name of the state in the protocol. */
  readonly state: string | undefined;
  readonly changed_since: string | undefined;
  readonly after: Keyset | undefined;
}

/** A row of the list: the pending approvals have their times as text. */
export type A2aTaskRow = Omit<TaskFacts, 'pending'> &
  CursorRow & {
    pending: (Omit<PendingApproval, 'expires_at'> & { expires_at: string | null })[];
  };

/** Reads the tasks of a role, with the latest change first. */
@Injectable()
export class A2aTasksRepository {
  constructor(private readonly environment: Environment) {}

  /** Returns the first tasks that the filter selects, latest change first. */
  list(manager: EntityManager, filter: A2aTaskFilter, limit: number): Promise<RowPage<A2aTaskRow>> {
    const where = new WhereClause();
    const days = where.bind(this.environment.SESSION_RETENTION_DAYS);
    const found = latestAttempts(filter, where, `LIMIT ${where.bind(limit)}`, days);
    const text = `
      SELECT t.id, t.trace_id, t.to_role, t.task_type, t.description, t.data, t.context,
             ${currentStatus(days)} AS status, a.id AS session_id, a.attempt, a.updated_at,
             a.result, a.error, ${PENDING} AS pending, ${keysetAt('a.updated_at')} AS keyset_at
        FROM (${found}) f
        JOIN sessions a ON a.id = f.id
        JOIN tasks t ON t.id = a.task_id
       ORDER BY a.updated_at DESC, t.id DESC LIMIT ${where.bind(limit)}`;
    return sqlPage(manager, text, where.parameters);
  }

  /** Returns the number of tasks that the filter selects, at most `limit`. */
  async count(manager: EntityManager, filter: A2aTaskFilter, limit: number): Promise<number> {
    const where = new WhereClause();
    const days = where.bind(this.environment.SESSION_RETENTION_DAYS);
    const found = latestAttempts(filter, where, `LIMIT ${where.bind(limit)}`, days);
    const text = `SELECT count(*)::integer AS count FROM (${found}) f WHERE ${days}::integer > 0`;
    const [row] = await sql<{ count: number }>(manager, text, where.parameters);
    return row?.count ?? 0;
  }

  /** Returns the further messages of tasks, those of the first task first and each oldest first, as far as they fit into a page. */
  listMessages(
    manager: EntityManager,
    taskIds: readonly string[],
  ): Promise<RowPage<{ task_id: string; text: unknown }>> {
    return sqlPage(
      manager,
      `SELECT task_id, metadata->>'told' AS text FROM audit_events
        WHERE task_id = ANY($1::uuid[]) AND event_type = '${MESSAGE_EVENT}'
        ORDER BY array_position($1::uuid[], task_id), timestamp, id`,
      [taskIds],
    );
  }

  /** Returns the size of the further messages of a task, in bytes. */
  async getSizeOfMessages(manager: EntityManager, taskId: string): Promise<number> {
    const [row] = await sql<{ bytes: number }>(
      manager,
      `SELECT coalesce(sum(octet_length(metadata->>'told')), 0)::integer AS bytes FROM audit_events
        WHERE task_id = $1 AND event_type = '${MESSAGE_EVENT}'`,
      [taskId],
    );
    return row?.bytes ?? 0;
  }
}

const PENDING = `coalesce(
  (SELECT jsonb_agg(jsonb_build_object('id', p.id, 'approver_role', p.approver_role, 'digest', p.digest,
                                       'expires_at', p.expires_at) ORDER BY p.created_at, p.id)
     FROM approvals p WHERE p.task_id = t.id AND ${approvalStatusNow('p')} = 'pending'), '[]')`;

/** Returns SQL for the latest attempts that a filter selects, with the latest change first. */
function latestAttempts(
  filter: A2aTaskFilter,
  where: WhereClause,
  limit: string,
  days: string,
): string {
  const conditions = conditionsOf(filter, where, days);
  const found =
    filter.trace_id === undefined
      ? ofRoles(filter, where, conditions, limit)
      : ofTrace(filter, filter.trace_id, where, conditions);
  return `${found} ORDER BY updated_at DESC, task_id DESC ${limit}`;
}

/** The attempts of a workflow. */
function ofTrace(
  { role, participants }: A2aTaskFilter,
  traceId: string,
  where: WhereClause,
  conditions: string,
): string {
  const takesPart =
    participants === undefined
      ? ''
      : `AND ${TAKES_PART.replace(/\?/g, () => `${where.bind(participants)}::text[]`)}`;
  return `
    SELECT a.id, a.updated_at, a.task_id FROM tasks t JOIN sessions a ON a.task_id = t.id
     WHERE t.trace_id = ${where.bind(traceId)} AND t.to_role = ${where.bind(role)} ${takesPart}
       AND a.task_status IS NOT NULL ${conditions}`;
}

/**
 * The attempts of each requester role, from the index `idx_sessions_changes`, and those of the approver roles. Open tasks
 * are few, so they are read by their status.
 */
function ofRoles(
  { role, participants, state = '' }: A2aTaskFilter,
  where: WhereClause,
  conditions: string,
  limit: string,
): string {
  const assigned = where.bind(role);
  const seesAll = participants === undefined || participants.includes(role);
  const roles = seesAll ? undefined : `${where.bind(participants)}::text[]`;
  const requested = OPEN.includes(state)
    ? openTasks(assigned, roles, conditions)
    : latestOfRequesters(assigned, roles, conditions, limit);
  if (roles === undefined) return requested;
  const approved = `
    SELECT l.id, l.updated_at, l.task_id FROM task_approvers v CROSS JOIN LATERAL (
      SELECT a.id, a.updated_at, a.task_id FROM sessions a
       WHERE a.task_id = v.task_id AND a.task_status IS NOT NULL ${conditions} LIMIT 1) l
     WHERE v.role = ANY(${roles}) AND v.to_role = ${assigned}`;
  return `(${requested}) UNION (${approved})`;
}

/** `OFFSET 0` keeps the scan of the open tasks apart from the other conditions, which no index contains with the status. */
function openTasks(assigned: string, roles: string | undefined, conditions: string): string {
  const ofRequesters = roles === undefined ? '' : `AND a.from_role = ANY(${roles})`;
  return `
    SELECT a.id, a.updated_at, a.task_id FROM (
      SELECT * FROM sessions s
       WHERE s.role = ${assigned} AND s.task_status = ANY('{pending,active}'::text[]) OFFSET 0) a
     WHERE true ${ofRequesters} ${conditions}`;
}

function latestOfRequesters(
  assigned: string,
  roles: string | undefined,
  conditions: string,
  limit: string,
): string {
  const requesters = roles === undefined ? eachRequester(assigned) : `unnest(${roles})`;
  return `
    SELECT l.id, l.updated_at, l.task_id FROM ${requesters} AS k(role) CROSS JOIN LATERAL (
      SELECT a.id, a.updated_at, a.task_id FROM sessions a
       WHERE a.role = ${assigned} AND a.from_role = k.role AND a.task_status IS NOT NULL ${conditions}
       ORDER BY a.updated_at DESC, a.task_id DESC ${limit}) l`;
}

/** FROM item of all roles that requested tasks of a role. Reads one entry of the index for each of them. */
function eachRequester(role: string): string {
  return `(
  WITH RECURSIVE each (role) AS (
    SELECT min(from_role) FROM sessions WHERE role = ${role} AND task_status IS NOT NULL
    UNION ALL
    SELECT (SELECT min(s.from_role) FROM sessions s
             WHERE s.role = ${role} AND s.from_role > each.role AND s.task_status IS NOT NULL)
      FROM each WHERE each.role IS NOT NULL
  )
  SELECT role FROM each WHERE role IS NOT NULL)`;
}

function conditionsOf(
  { callerRoles, state, changed_since, after }: A2aTaskFilter,
  where: WhereClause,
  days: string,
): string {
  const terms: string[] = [];
  if (after) {
    const place = `${where.bind(after.at)}::timestamptz, ${where.bind(after.id)}::uuid`;
    terms.push(`(a.updated_at, a.task_id) < (${place})`);
  }
  if (changed_since !== undefined) terms.push(`a.updated_at >= ${where.bind(changed_since)}`);
  if (state !== undefined) {
    const present = stateSql(currentStatus(days), `${where.bind(callerRoles)}::text[]`);
    terms.push(`${present} = ${where.bind(state)}`);
    // A condition that indexes contain: open tasks are few among all that have ended.
    terms.push(`a.task_status = ANY(${where.bind(STORED[state] ?? [])}::text[])`);
  }
  return terms.map((term) => `AND ${term}`).join(' ');
}

/** The states of open tasks. */
const OPEN = ['TASK_STATE_SUBMITTED', 'TASK_STATE_WORKING', 'TASK_STATE_AUTH_REQUIRED'];

/** The stored statuses that a task in a state can have. */
const STORED: Readonly<Record<string, readonly TaskStatus[]>> = {
  TASK_STATE_SUBMITTED: ['pending', 'active'],
  TASK_STATE_WORKING: ['pending', 'active'],
  TASK_STATE_AUTH_REQUIRED: ['pending', 'active'],
  TASK_STATE_COMPLETED: ['completed'],
  TASK_STATE_CANCELED: ['cancelled'],
  TASK_STATE_REJECTED: ['failed'],
  // An open task can have expired without a stored status.
  TASK_STATE_FAILED: ['failed', 'dead', 'expired', 'pending', 'active'],
};

/** Returns SQL for the name of the state that `stateOf` returns. */
function stateSql(status: string, roles: string): string {
  const pending = (condition: string): string => `EXISTS (
    SELECT 1 FROM approvals p
     WHERE p.task_id = a.task_id AND ${approvalStatusNow('p')} = 'pending' ${condition})`;
  return `(SELECT CASE
    WHEN n.status IN ('pending', 'active') THEN CASE
      WHEN ${pending(`AND p.approver_role = ANY(${roles})`)} THEN 'TASK_STATE_AUTH_REQUIRED'
      WHEN n.status = 'active' OR ${pending('')} THEN 'TASK_STATE_WORKING'
      ELSE 'TASK_STATE_SUBMITTED' END
    WHEN n.status = 'completed' THEN 'TASK_STATE_COMPLETED'
    WHEN n.status = 'cancelled' THEN 'TASK_STATE_CANCELED'
    WHEN n.status = 'failed' AND a.error LIKE 'refused:%' THEN 'TASK_STATE_REJECTED'
    ELSE 'TASK_STATE_FAILED' END FROM (SELECT ${status} AS status) n)`;
}

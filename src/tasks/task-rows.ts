import type { EntityManager } from 'typeorm';
import { CLAIM_APPROVALS, type ClaimApproval } from '../approvals/approval-context.js';
import { type Deferred, type RowPage, sql, sqlPage, sqlWithCommit } from '../database/sql.js';
import { keysetAt, type CursorRow } from '../database/keyset.js';
import type { WhereClause } from '../database/where-clause.js';
import { overdue, statusNow } from '../lifecycle/overdue.js';
import { expectTask } from '../lifecycle/task-summary.js';
import { taskStatus, taskStatusNow } from '../lifecycle/task-status.js';
import type { Session } from '../sessions/session.entity.js';
import type { TaskView } from './dto/task.dto.js';
import type { Task } from './task.entity.js';

/** A row of a list of tasks. */
export type TaskRow = TaskView & CursorRow;

/** Columns of a task `t` that the API shows: all but the database key. */
const TASK_COLUMNS = `
  t.id, t.task_type, t.description, t.from_role, t.to_role, t.data, t.context, t.priority, t.deadline_at,
  t.max_attempts, t.max_run_seconds, t.parent_task_id, t.requires_approval, t.trace_id, t.created_by, t.created_at`;

/**
 * Returns SQL for the present status of a task, from its latest attempt `a`.
 *
 * @param days placeholder of the retention in days
 */
export function currentStatus(days: string): string {
  return taskStatusNow('a', statusNow('a', days));
}

/** Returns tasks `t` with their latest attempts `a`, newest first. */
export async function selectTasks(
  manager: EntityManager,
  where: WhereClause,
  retentionDays: number,
  limit: number,
): Promise<RowPage<TaskRow>> {
  const status = currentStatus(where.bind(retentionDays));
  return sqlPage<TaskRow>(
    manager,
    `SELECT ${TASK_COLUMNS}, a.id AS session_id, a.attempt, a.claimed_by, a.parked_for, ${status} AS status,
            ${keysetAt('t.created_at')} AS keyset_at
       FROM tasks t
       JOIN LATERAL (
         SELECT s.* FROM sessions s
          WHERE s.task_id = t.id AND s.attempt IS NOT NULL
          ORDER BY s.attempt DESC LIMIT 1
       ) a ON true ${where.toString()}
      ORDER BY t.created_at DESC, t.id DESC LIMIT ${where.bind(limit)}`,
    where.parameters,
  );
}

/**
 * Returns the SQL condition that an attempt `a` is due.
 *
 * @param days placeholder of the retention in days
 */
export function due(days: string): string {
  return `a.attempt IS NOT NULL AND a.status = 'pending' AND NOT ${overdue('a', days)}
    AND (a.not_before IS NULL OR a.not_before <= clock_timestamp())
    AND (a.deadline_at IS NULL OR a.deadline_at > clock_timestamp())`;
}

/** Time by which attempts `a` of one priority are ordered: their creation, or the place kept from a released attempt. */
const QUEUE_POSITION = 'coalesce(a.queued_at, a.created_at)';

/** Order of the inbox: by priority, then age. Must be written like the expressions of the index. */
export const BY_URGENCY = `-a.priority, ${QUEUE_POSITION}, a.id`;

/**
 * Returns the FROM item of the due attempts `a` of the role `$1`, the first ones of each type. An index serves it.
 *
 * @param types placeholder of the task types
 * @param days placeholder of the retention in days
 * @param most placeholder or number: the maximum number of attempts of each type
 */
export function dueOfTypes(types: string, days: string, most: string): string {
  return `unnest(${types}::text[]) AS type CROSS JOIN LATERAL (
    SELECT a.id, a.priority, a.queued_at, a.created_at FROM sessions a
     WHERE a.role = $1 AND a.task_type = type AND ${due(days)}
     ORDER BY ${BY_URGENCY} LIMIT ${most}
  ) a`;
}

/**
 * Returns the inbox of a role: its due tasks by priority, then age.
 *
 * The limit is a literal. For a parameter the generic plan assumes a tenth of all rows, so PostgreSQL would plan each
 * request again. The other lists gain from a plan for their parameters.
 */
export async function selectInbox(
  manager: EntityManager,
  where: WhereClause,
  retentionDays: number,
  limit: number,
): Promise<RowPage<TaskRow>> {
  where.and(due('?'), retentionDays);
  return sqlPage<TaskRow>(
    manager,
    `SELECT ${TASK_COLUMNS}, a.id AS session_id, a.attempt, a.claimed_by, a.parked_for, a.status,
            ${keysetAt(QUEUE_POSITION)} AS keyset_at
       FROM sessions a JOIN tasks t ON t.id = a.task_id ${where.toString()}
      ORDER BY ${BY_URGENCY} LIMIT ${limit}`,
    where.parameters,
  );
}

/** Returns the row of a task that is known to exist. */
export async function getTask(manager: EntityManager, id: string): Promise<Task> {
  return expectTask(await sql<Task>(manager, TASK, [id]));
}

/** A task with the latest of its approvals. */
export type ClaimedTask = Task & { approvals: ClaimApproval[] };

/** Reads the task of a claim in the last batch of the transaction, together with COMMIT. */
export function getClaimedTaskWithCommit(
  manager: EntityManager,
  id: string,
): Deferred<ClaimedTask> {
  return sqlWithCommit<ClaimedTask>(manager, CLAIMED_TASK, [id]).map(expectTask<ClaimedTask>);
}

/** Returns the latest approvals of a task, as in the response to a claim. */
export async function selectClaimApprovals(
  manager: EntityManager,
  id: string,
): Promise<ClaimApproval[]> {
  const found = await sql<Pick<ClaimedTask, 'approvals'>>(
    manager,
    `SELECT ${CLAIM_APPROVALS} AS approvals FROM tasks t WHERE t.id = $1`,
    [id],
  );
  return expectTask(found).approvals;
}

const TASK = `SELECT * FROM tasks WHERE id = $1`;

const CLAIMED_TASK = `SELECT t.*, ${CLAIM_APPROVALS} AS approvals FROM tasks t WHERE t.id = $1`;

/** Returns a task with the status and the facts of its latest attempt. */
export function withAttempt(task: Task, attempt: Session): TaskView {
  const { id: session_id, claimed_by, attempt: number, parked_for } = attempt;
  const status = taskStatus(attempt);
  return { ...task, session_id, claimed_by, attempt: number ?? 1, parked_for, status };
}

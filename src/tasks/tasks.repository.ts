import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { CLAIM_APPROVALS, type ClaimApproval } from '../approvals/approval-context.sql.js';
import { type Deferred, queueSql, sql, sqlWithCommit } from '../database/sql.js';
import { insertSelect, statement } from '../database/statement.js';
import { expectTask } from '../lifecycle/task-summary.js';
import type { Task } from './task.entity.js';

/** Values of a new task. */
export type NewTask = Omit<Task, 'created_at' | 'idempotency_key'> & {
  /** Candidates for the database key `idempotency_key`: the first that no task has, otherwise `random_key`. */
  preferred_key: string | undefined;
  derived_key: string | undefined;
  random_key: string;
};

/** A task with the latest of its approvals. */
export type ClaimedTask = Task & { approvals: ClaimApproval[] };

/** Runs the statements of the table `tasks`. Its rows are never changed and never deleted. */
@Injectable()
export class TasksRepository {
  /**
   * Inserts a task. Returns false if its deadline has passed.
   *
   * The database key is unique over all callers and permanently, longer than any idempotency record is kept. So it is the
   * client's idempotency key only if that is a free UUID. If two requests insert the same key at the same time, the second
   * one is a conflict: it is retried and finds the key in use.
   */
  async insert(manager: EntityManager, task: NewTask): Promise<boolean> {
    return (await sql(manager, ...INSERT(task), KEY_IS_TAKEN)).length > 0;
  }

  /** Like {@link insert}, for a task without a deadline. It is sent in one batch with the next statement. */
  queueInsert(manager: EntityManager, task: NewTask & { deadline_at: null }): void {
    queueSql(manager, ...INSERT(task), KEY_IS_TAKEN);
  }

  /** Returns a task that is known to exist. */
  async get(manager: EntityManager, id: string): Promise<Task> {
    return expectTask(await sql<Task>(manager, TASK, [id]));
  }

  /** Reads the task of a claim in the last batch of the transaction, together with COMMIT. */
  getClaimedWithCommit(manager: EntityManager, id: string): Deferred<ClaimedTask> {
    return sqlWithCommit<ClaimedTask>(manager, CLAIMED_TASK, [id]).map(expectTask<ClaimedTask>);
  }

  /** Returns the latest approvals of a task, as in the response to a claim. */
  async listClaimApprovals(manager: EntityManager, id: string): Promise<ClaimApproval[]> {
    const text = `SELECT ${CLAIM_APPROVALS} AS approvals FROM tasks t WHERE t.id = $1`;
    return expectTask(await sql<Pick<ClaimedTask, 'approvals'>>(manager, text, [id])).approvals;
  }
}

const KEY_IS_TAKEN = { constraint: 'idx_tasks_idempotency_key' };

/**
 * Inserts nothing if the deadline has passed.
 *
 * The candidates of the database key are not an array: the planner estimates the length of an array, so it would plan
 * each request again.
 */
const INSERT = statement<NewTask>(
  (value) => `
  ${insertSelect<Omit<Task, 'created_at'>>('tasks', {
    id: value.id,
    task_type: value.task_type,
    description: value.description,
    from_role: value.from_role,
    to_role: value.to_role,
    data: value.data,
    context: value.context,
    trace_id: value.trace_id,
    traceparent: value.traceparent,
    created_by: value.created_by,
    priority: value.priority,
    deadline_at: value.deadline_at,
    max_attempts: value.max_attempts,
    max_run_seconds: value.max_run_seconds,
    parent_task_id: value.parent_task_id,
    requires_approval: value.requires_approval,
    idempotency_key: `coalesce(${ifFree(value.preferred_key)}, ${ifFree(value.derived_key)}, ${value.random_key})`,
  })}
   WHERE ${value.deadline_at}::timestamptz IS NULL OR ${value.deadline_at} > clock_timestamp()
  RETURNING 1`,
);

function ifFree(key: string): string {
  return `(SELECT ${key}::uuid WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE idempotency_key = ${key}))`;
}

const TASK = `SELECT * FROM tasks WHERE id = $1`;

const CLAIMED_TASK = `SELECT t.*, ${CLAIM_APPROVALS} AS approvals FROM tasks t WHERE t.id = $1`;

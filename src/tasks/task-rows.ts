import type { EntityManager } from 'typeorm';
import { CLAIM_APPROVALS, type ClaimApproval } from '../approvals/approval-context.js';
import { type Deferred, sql, sqlWithCommit } from '../database/sql.js';
import { expectTask } from '../lifecycle/task-summary.js';
import { taskStatus } from '../lifecycle/task-status.js';
import type { Session } from '../sessions/session.entity.js';
import type { TaskView } from './dto/task.dto.js';
import type { Task } from './task.entity.js';

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

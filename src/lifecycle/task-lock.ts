import type { EntityManager } from 'typeorm';
import { ConcurrentUpdateError } from '../database/postgres-errors.js';
import { sql } from '../database/sql.js';
import type { LifecycleSession } from './session-transition.js';
import {
  deadlinePast,
  findTaskSummary,
  type TaskSummary,
  taskFinished,
  expectTask,
} from './task-summary.js';

/** An approval that is required before the task can be completed. */
export interface RequiredApproval {
  role: string;
  quorum: number;
  expires_in_seconds: number;
  /** Absent in requirements older than the member; then `any`. */
  approver_kind?: 'any' | 'human';
}

/** The content of a task. Its canonical JSON is the payload of the required approval. */
export interface TaskSubject {
  task_type: string;
  description: string;
  data: Record<string, unknown>;
  context: Record<string, unknown>;
}

/** An attempt that waits for an approval. */
interface ParkedAttempt extends LifecycleSession {
  readonly role: string;
  readonly task_id: string;
  /** The chain of that approval. */
  readonly chain_id: string;
}

export interface LockedTask extends TaskSummary {
  subject: TaskSubject;
  requires_approval: RequiredApproval | null;
  /** Its latest attempt, if that is parked and not due yet. */
  parked: ParkedAttempt | undefined;
}

type LockedRow = TaskSubject & {
  requires_approval: RequiredApproval | null;
  deadline_past: boolean | null;
};

/**
 * Locks a task until the transaction ends, then reads its state. All changes of its approvals hold this lock. Lock
 * order: session, task, approval.
 *
 * @throws DomainError `task.finished` if it is completed or cancelled, or its deadline has passed by PostgreSQL's
 *   clock
 */
export async function lockOpenTask(manager: EntityManager, taskId: string): Promise<LockedTask> {
  const [, locked] = await Promise.all([
    sql(manager, LOCK_PARKED, [taskId]),
    sql<LockedRow>(manager, LOCK, [taskId]),
  ]);
  const { deadline_past, requires_approval, ...subject } = expectTask(locked);
  // Separate statements, to read what other transactions committed while this one waited for the lock.
  const [facts, [parked]] = await Promise.all([
    findTaskSummary(manager, taskId),
    sql<ParkedAttempt>(manager, PARKED, [taskId]),
  ]);
  if (!facts) throw new Error('The task has no attempt, although each task has at least one');
  if (facts.status === 'completed' || facts.status === 'cancelled') {
    throw taskFinished(facts.status);
  }
  if (deadline_past === true) throw deadlinePast();
  return { ...facts, subject, requires_approval, parked };
}

/** The columns of a task on which its end depends. */
interface EndingTask {
  requires_approval: RequiredApproval | null;
  /** Null if no approval is required: the content can be long, and is then not read. */
  subject: TaskSubject | null;
}

/**
 * Like {@link lockOpenTask}, and locks the latest attempt: until the transaction ends, no request can claim it, end it
 * or open another.
 *
 * @throws DomainError as {@link lockOpenTask}
 */
export async function lockTaskAndAttempt(
  manager: EntityManager,
  taskId: string,
): Promise<LockedTask> {
  const [[latest], task] = await Promise.all([
    sql<{ id: string }>(manager, LOCK_ATTEMPT, [taskId]),
    lockOpenTask(manager, taskId),
  ]);
  // Another request opened a new attempt while this one waited for the lock.
  if (latest?.id !== task.session_id) throw new ConcurrentUpdateError();
  return task;
}

/** Locks a task that may be ending, and returns the columns on which its end depends. */
export async function lockEndingTask(manager: EntityManager, taskId: string): Promise<EndingTask> {
  return expectTask(await sql<EndingTask>(manager, LOCK_ENDING, [taskId]));
}

const LOCK = `
  SELECT task_type, description, data, context, requires_approval,
         deadline_at <= clock_timestamp() AS deadline_past
    FROM tasks WHERE id = $1 FOR NO KEY UPDATE`;

/** Runs before the lock of the task, to keep the lock order. */
const LOCK_PARKED = `
  SELECT 1 FROM sessions
   WHERE task_id = $1 AND attempt IS NOT NULL AND status = 'pending' AND parked_for IS NOT NULL
     FOR NO KEY UPDATE`;

const PARKED = `
  SELECT s.id, s.status, s.version, s.task_id, s.trace_id, s.attempt, s.claimed_by, s.role, a.chain_id
    FROM sessions s JOIN approvals a ON a.id = s.parked_for
   WHERE s.task_id = $1 AND s.attempt IS NOT NULL AND s.status = 'pending'
     AND s.not_before > clock_timestamp()`;

const LOCK_ENDING = `
  SELECT requires_approval,
         CASE WHEN requires_approval IS NOT NULL THEN jsonb_build_object(
           'task_type', task_type, 'description', description, 'data', data, 'context', context) END AS subject
    FROM tasks WHERE id = $1 FOR NO KEY UPDATE`;

const LOCK_ATTEMPT = `
  SELECT id FROM sessions WHERE task_id = $1 AND attempt IS NOT NULL
   ORDER BY attempt DESC LIMIT 1 FOR SHARE`;

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

/** A decision that has to be there before the task may be completed. */
export interface RequiredApproval {
  role: string;
  quorum: number;
  expires_in_seconds: number;
  /** Absent of requirements older than the member: any. */
  approver_kind?: 'any' | 'human';
}

/** What a task is about. */
export interface TaskSubject {
  task_type: string;
  description: string;
  data: Record<string, unknown>;
  context: Record<string, unknown>;
}

/** The attempt of a task that waits for an approval. */
interface ParkedAttempt extends LifecycleSession {
  readonly role: string;
  readonly task_id: string;
  /** The chain of the approval that it waits for. */
  readonly chain_id: string;
}

export interface LockedTask extends TaskSummary {
  subject: TaskSubject;
  requires_approval: RequiredApproval | null;
  /** Its attempt, where that is parked and not due yet. */
  parked: ParkedAttempt | undefined;
}

type LockedRow = TaskSubject & {
  requires_approval: RequiredApproval | null;
  deadline_past: boolean | null;
};

/**
 * Locks a task until the transaction ends, and then reads how it stands: whatever concerns its approvals happens one
 * after the other. Who needs more locks takes them in the order session, task, approval.
 *
 * @throws DomainError `task.finished` when it is completed or cancelled, or its deadline is past by Postgres' clock
 */
export async function lockOpenTask(manager: EntityManager, taskId: string): Promise<LockedTask> {
  const [, locked] = await Promise.all([
    sql(manager, LOCK_PARKED, [taskId]),
    sql<LockedRow>(manager, LOCK, [taskId]),
  ]);
  const { deadline_past, requires_approval, ...subject } = expectTask(locked);
  // Statements of their own: they see what was committed while the lock was waited for.
  const [facts, [parked]] = await Promise.all([
    findTaskSummary(manager, taskId),
    sql<ParkedAttempt>(manager, PARKED, [taskId]),
  ]);
  if (!facts) throw new Error('a task has at least one attempt');
  if (facts.status === 'completed' || facts.status === 'cancelled') {
    throw taskFinished(facts.status);
  }
  if (deadline_past === true) throw deadlinePast();
  return { ...facts, subject, requires_approval, parked };
}

/** A task that may be ending, with what its end depends on. */
interface EndingTask {
  requires_approval: RequiredApproval | null;
  /** Null where no approval is required: what the task is about may be long, and is then not read. */
  subject: TaskSubject | null;
}

/**
 * The same, with the task's latest attempt: nobody claims it, ends it or opens another until the transaction ends.
 *
 * @throws DomainError as {@link lockOpenTask}
 */
export async function lockPresentAttempt(
  manager: EntityManager,
  taskId: string,
): Promise<LockedTask> {
  const [[latest], task] = await Promise.all([
    sql<{ id: string }>(manager, LOCK_ATTEMPT, [taskId]),
    lockOpenTask(manager, taskId),
  ]);
  // Another attempt was opened while the lock was waited for.
  if (latest?.id !== task.session_id) throw new ConcurrentUpdateError();
  return task;
}

/** Locks a task that may be ending, and gives what its end depends on. */
export async function lockEndingTask(manager: EntityManager, taskId: string): Promise<EndingTask> {
  return expectTask(await sql<EndingTask>(manager, LOCK_ENDING, [taskId]));
}

const LOCK = `
  SELECT task_type, description, data, context, requires_approval,
         deadline_at <= clock_timestamp() AS deadline_past
    FROM tasks WHERE id = $1 FOR NO KEY UPDATE`;

/** Before the task, since a session is locked before its task everywhere. */
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

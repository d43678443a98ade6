import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import {
  deadlinePast,
  findTaskFacts,
  type TaskFacts,
  taskFinished,
  theTask,
} from './task-facts.js';

/** A decision that has to be there before the task may be completed. */
export interface RequiredApproval {
  role: string;
  quorum: number;
  expires_in_seconds: number;
}

/** What a task is about. */
export interface TaskSubject {
  task_type: string;
  description: string;
  data: Record<string, unknown>;
  context: Record<string, unknown>;
}

export interface LockedTask extends TaskFacts {
  subject: TaskSubject;
  requires_approval: RequiredApproval | null;
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
  const { deadline_past, requires_approval, ...subject } = theTask(
    await sql<LockedRow>(manager, LOCK, [taskId]),
  );
  // A statement of its own: it sees what was committed while the lock was waited for.
  const facts = await findTaskFacts(manager, taskId);
  if (!facts) throw new Error('a task has at least one attempt');
  if (facts.status === 'completed' || facts.status === 'cancelled') {
    throw taskFinished(facts.status);
  }
  if (deadline_past === true) throw deadlinePast();
  return { ...facts, subject, requires_approval };
}

/** A task that may be ending, with what its end depends on. */
interface EndingTask {
  requires_approval: RequiredApproval | null;
  /** Null where no approval is required: what the task is about may be long, and is then not read. */
  subject: TaskSubject | null;
}

/** Locks a task that may be ending, and gives what its end depends on. */
export async function lockEndingTask(manager: EntityManager, taskId: string): Promise<EndingTask> {
  return theTask(await sql<EndingTask>(manager, LOCK_ENDING, [taskId]));
}

const LOCK = `
  SELECT task_type, description, data, context, requires_approval,
         deadline_at <= clock_timestamp() AS deadline_past
    FROM tasks WHERE id = $1 FOR NO KEY UPDATE`;

const LOCK_ENDING = `
  SELECT requires_approval,
         CASE WHEN requires_approval IS NOT NULL THEN jsonb_build_object(
           'task_type', task_type, 'description', description, 'data', data, 'context', context) END AS subject
    FROM tasks WHERE id = $1 FOR NO KEY UPDATE`;

import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import type { EndedReason, SessionStatus } from './session-status.js';

/** The last attempt of a task, as it has just ended. */
export interface EndedTask {
  readonly task_id: string | null;
  readonly trace_id: string;
  readonly status: SessionStatus;
  readonly claimed_by: string | null;
}

/**
 * What is to happen when a task ends, in the transaction in which it does; what it throws undoes the end. The caller
 * holds the attempt's row, so that a rule may lock the task's, and after it those of its approvals, in this order.
 */
export type TaskEndRule = (manager: EntityManager, ended: EndedTask, by: Actor) => Promise<void>;

/** Whether a change of an attempt is the end of its task: one that failed, died or expired may be asked for again. */
export function endsTask(
  attempt: number | null,
  to: SessionStatus,
  reason: EndedReason | null,
): boolean {
  return (
    attempt !== null && (to === 'completed' || reason === 'cancelled' || reason === 'deadline')
  );
}

import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import type { EndedReason, SessionStatus } from './session-status.js';

/** An approval that was pending when its task ended. */
export interface WithdrawnApproval {
  readonly id: string;
  readonly approver_role: string;
  readonly requested_by: string | null;
}

/** How a worker completes its task, and what the end rules did about it. */
export class TaskCompletion {
  /** The approvals that the end withdrew; complete once the change is made. */
  readonly withdrawn: WithdrawnApproval[] = [];

  /** @param withdrawPending whether pending approvals that the worker asked for itself are withdrawn */
  constructor(readonly withdrawPending = false) {}
}

/** The last attempt of a task, as it has just ended. */
export interface EndedTask {
  readonly task_id: string | null;
  readonly trace_id: string;
  readonly status: SessionStatus;
  readonly claimed_by: string | null;
  /** Where a worker completes the task itself. */
  readonly completion?: TaskCompletion;
}

/**
 * What is to happen when a task ends, in the transaction in which it does; what it throws undoes the end. The caller
 * holds the attempt's row, so that a rule may lock the task's, and after it those of its approvals, in this order.
 */
export type TaskEndHook = (manager: EntityManager, ended: EndedTask, by: Actor) => Promise<void>;

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

import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import type { EndedReason, SessionStatus } from './session-status.js';

/** An approval that was pending when its task ended. */
export interface WithdrawnApproval {
  readonly id: string;
  readonly approver_role: string;
  readonly requested_by: string | null;
}

/** How a worker completes its task, and the approvals that were withdrawn by that. */
export class TaskCompletion {
  /** The approvals that the end of the task withdrew. Filled when the change is made. */
  readonly withdrawn: WithdrawnApproval[] = [];

  /** @param withdrawPending whether to withdraw pending approvals that the worker requested */
  constructor(readonly withdrawPending = false) {}
}

/** The last attempt of a task that has just ended. */
export interface EndedTask {
  readonly task_id: string | null;
  readonly trace_id: string;
  readonly status: SessionStatus;
  readonly claimed_by: string | null;
  /** Only if a worker completes the task. */
  readonly completion?: TaskCompletion;
}

/**
 * Runs when a task ends, in the transaction of the end; an error rolls the end back. The row of the attempt is locked,
 * so that a rule may lock the row of the task and then the rows of its approvals, in this order.
 */
export type TaskEndHook = (manager: EntityManager, ended: EndedTask, by: Actor) => Promise<void>;

/** Returns whether a change of an attempt ends its task. A task that is failed, dead or expired can be retried. */
export function endsTask(
  attempt: number | null,
  to: SessionStatus,
  reason: EndedReason | null,
): boolean {
  return (
    attempt !== null && (to === 'completed' || reason === 'cancelled' || reason === 'deadline')
  );
}

import { type EndedReason, SESSION_STATUSES, type SessionStatus } from './session-status.js';

/** The status of a task: that of its latest attempt, or `dead` (its attempts are used up), or `cancelled`. */
export const TASK_STATUSES = [...SESSION_STATUSES, 'dead', 'cancelled'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** The columns of the latest attempt that decide the status of a task. */
export interface LatestAttempt {
  status: SessionStatus;
  ended_reason: EndedReason | null;
  retryable: boolean | null;
}

/** Returns the status of a task. The view `task_states` computes the same in SQL. */
export function taskStatus({ status, ended_reason, retryable }: LatestAttempt): TaskStatus {
  if (ended_reason === 'cancelled') return 'cancelled';
  return status === 'failed' && retryable === true ? 'dead' : status;
}

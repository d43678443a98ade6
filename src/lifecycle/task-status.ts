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

/** Returns SQL for the current status of the task of the attempt with this alias. `statusNow` is SQL for its status. */
export function taskStatusNow(attempt: string, statusNow: string): string {
  return `CASE WHEN ${attempt}.ended_reason = 'cancelled' THEN 'cancelled'
               WHEN ${attempt}.status = 'failed' AND ${attempt}.retryable THEN 'dead'
               ELSE ${statusNow} END`;
}

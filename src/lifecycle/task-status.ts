import { type EndedReason, SESSION_STATUSES, type SessionStatus } from './session-status.js';

/** Where a task stands: as its highest attempt does, or `dead` (its attempts are used up) or `cancelled`. */
export const TASK_STATUSES = [...SESSION_STATUSES, 'dead', 'cancelled'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** What of its highest attempt decides a task's status. */
export interface LatestAttempt {
  status: SessionStatus;
  ended_reason: EndedReason | null;
  retryable: boolean | null;
}

/** A task's status; the view `task_states` says the same in SQL. */
export function taskStatus({ status, ended_reason, retryable }: LatestAttempt): TaskStatus {
  if (ended_reason === 'cancelled') return 'cancelled';
  return status === 'failed' && retryable === true ? 'dead' : status;
}

/** SQL for the same, of the attempt with this alias, as its readers see it: `expired` as soon as it is overdue. */
export function taskStatusNow(attempt: string, statusNow: string): string {
  return `CASE WHEN ${attempt}.ended_reason = 'cancelled' THEN 'cancelled'
               WHEN ${attempt}.status = 'failed' AND ${attempt}.retryable THEN 'dead'
               ELSE ${statusNow} END`;
}

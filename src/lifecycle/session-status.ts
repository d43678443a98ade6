/** The statuses of a session, in the order of its lifecycle. */
export const SESSION_STATUSES = ['pending', 'active', 'completed', 'failed', 'expired'] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** The lifecycle: for each status, the statuses that can follow. All other transitions are refused. */
const TRANSITIONS: Record<SessionStatus, readonly SessionStatus[]> = {
  pending: ['active', 'expired'],
  active: ['completed', 'failed', 'expired'],
  completed: [],
  failed: [],
  expired: [],
};

/** The lifecycle events that v0.4 agents report, and the status that follows. */
export const LIFECYCLE_EVENTS = {
  activate: 'active',
  complete: 'completed',
  fail: 'failed',
} as const satisfies Record<string, SessionStatus>;
export type LifecycleEvent = keyof typeof LIFECYCLE_EVENTS;

/**
 * Why a session ended:
 * - `completed`: its work is done;
 * - `worker`: its worker reported a failure;
 * - `retention`: its retention passed;
 * - `lease_lost`: its lease ended without a heartbeat;
 * - `deadline`: the deadline of its task passed;
 * - `cancelled`: its task was cancelled;
 * - `released`: its worker released the task;
 * - `run_limit`: it ran for `max_run_seconds`.
 */
export const ENDED_REASONS = [
  'completed',
  'worker',
  'retention',
  'lease_lost',
  'deadline',
  'cancelled',
  'released',
  'run_limit',
] as const;
export type EndedReason = (typeof ENDED_REASONS)[number];

export function canTransition(from: SessionStatus, to: SessionStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

/** Returns whether no status can follow. */
export function isTerminal(status: SessionStatus): boolean {
  return TRANSITIONS[status].length === 0;
}

/** Returns the recorded reason if an agent moves its session to `status`; null if that is not an end. */
export function endedReason(status: SessionStatus): EndedReason | null {
  if (!isTerminal(status)) return null;
  return status === 'completed' ? 'completed' : 'worker';
}

/** The states of a session, in the order a session passes them. */
export const SESSION_STATUSES = ['pending', 'active', 'completed', 'failed', 'expired'] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** The whole lifecycle: from each state, the states that may follow. What is not here is refused. */
const TRANSITIONS: Record<SessionStatus, readonly SessionStatus[]> = {
  pending: ['active', 'expired'],
  active: ['completed', 'failed', 'expired'],
  completed: [],
  failed: [],
  expired: [],
};

/** What a v0.4 agent may say happened to its session, and the state that follows. */
export const LIFECYCLE_EVENTS = {
  activate: 'active',
  complete: 'completed',
  fail: 'failed',
} as const satisfies Record<string, SessionStatus>;
export type LifecycleEvent = keyof typeof LIFECYCLE_EVENTS;

/**
 * Why a session ended: its work was done; its worker said so; it outlived its retention; its worker was not heard of
 * for the length of its lease; its task's deadline passed; its task was cancelled; its worker released the task; it ran for `max_run_seconds`.
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

/** Whether no state follows. */
export function isTerminal(status: SessionStatus): boolean {
  return TRANSITIONS[status].length === 0;
}

/** The reason recorded when an agent moves its session to `status`. */
export function endedReason(status: SessionStatus): EndedReason | null {
  if (!isTerminal(status)) return null;
  return status === 'completed' ? 'completed' : 'worker';
}

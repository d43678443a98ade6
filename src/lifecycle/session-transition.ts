import { InvalidTransitionError } from './lifecycle-errors.js';
import {
  canTransition,
  type EndedReason,
  endedReason,
  type SessionStatus,
} from './session-status.js';
import { endsTask, type TaskCompletion } from './task-end.js';

/** What the lifecycle needs to know of a session. */
export interface LifecycleSession {
  readonly id: string;
  readonly status: SessionStatus;
  readonly version: number;
  readonly task_id: string | null;
  readonly trace_id: string;
  /** Its number among the attempts of its task; null of a session that carries none. */
  readonly attempt: number | null;
  readonly claimed_by: string | null;
}

/** What may change along with, or without, the status. What is not given stays. */
export interface SessionChange {
  status?: SessionStatus;
  metadata?: Record<string, unknown>;
  task_id?: string;
  result?: Record<string, unknown>;
  error?: string;
  /** Who holds the session from now on, if nobody does. */
  claimed_by?: string;
  /** How long, in seconds from now, its holder need not be heard of. */
  lease_seconds?: number;
  /** Why it ends, where that is not plain from the status. */
  ended_reason?: EndedReason;
  /** Of a failed attempt: whether another one may succeed. */
  retryable?: boolean;
  /** Of a completed attempt: what its worker says about its pending approvals. */
  completion?: TaskCompletion;
}

/** A change as a step of the state machine, which may lead to where it came from. */
export interface SessionTransition {
  readonly change: SessionChange;
  readonly from: SessionStatus;
  readonly to: SessionStatus;
  /** Why the session ends, if it does. */
  readonly reason: EndedReason | null;
  /** Whether its task ends with it. */
  readonly endsTask: boolean;
}

/** @throws InvalidTransitionError when the state machine has no such step */
export function planTransition(
  { status: from, attempt }: LifecycleSession,
  change: SessionChange,
): SessionTransition {
  const to = change.status ?? from;
  if (change.status && !canTransition(from, to)) throw new InvalidTransitionError(from, to);
  const reason = change.status ? (change.ended_reason ?? endedReason(to)) : null;
  return { change, from, to, reason, endsTask: endsTask(attempt, to, reason) };
}

const MEMBERS = ['metadata', 'task_id', 'result', 'error'] as const;

/** Which members of the session a change sets; the audit trail does not repeat their values. */
export function changedFields(change: SessionChange): string[] {
  return MEMBERS.filter((name) => change[name] !== undefined);
}

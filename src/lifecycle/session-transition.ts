import { InvalidTransitionError } from './lifecycle-errors.js';
import {
  canTransition,
  type EndedReason,
  endedReason,
  type SessionStatus,
} from './session-status.js';
import { endsTask, type TaskCompletion } from './task-end.js';

/** The columns of a session that the lifecycle reads. */
export interface LifecycleSession {
  readonly id: string;
  readonly status: SessionStatus;
  readonly version: number;
  readonly task_id: string | null;
  readonly trace_id: string;
  /** The number of the attempt; null for a plain session. */
  readonly attempt: number | null;
  readonly claimed_by: string | null;
  /** Needed by changes of `result` or `error` only. */
  readonly metadata?: Record<string, unknown>;
}

/** A change of a session, with or without a new status. Absent members stay. */
export interface SessionChange {
  status?: SessionStatus;
  metadata?: Record<string, unknown>;
  task_id?: string;
  result?: Record<string, unknown>;
  error?: string;
  /** The subject that claims the session. Ignored if the session is claimed. */
  claimed_by?: string;
  /** Length of the lease from now, in seconds. */
  lease_seconds?: number;
  /** Why the session ends. Default: derived from the status. */
  ended_reason?: EndedReason;
  /** Of a failed attempt: whether another attempt may succeed. */
  retryable?: boolean;
  /** Of a completed attempt: how to treat approvals that are pending. */
  completion?: TaskCompletion;
}

/** A change as a step of the state machine. A change without a status keeps it: `from` equals `to`. */
export interface SessionTransition {
  readonly change: SessionChange;
  readonly from: SessionStatus;
  readonly to: SessionStatus;
  /** Why the session ends; null if it does not. */
  readonly reason: EndedReason | null;
  /** Whether the task ends with the session. */
  readonly endsTask: boolean;
}

/** @throws InvalidTransitionError if the state machine has no such transition */
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

/** The columns whose values the audit log contains as a commitment only. */
export type SessionContent = Pick<SessionChange, 'metadata'> & {
  result: SessionChange['result'] | null;
  error: string | null;
};

/** Returns the content of a session after a change; undefined if the change sets none of it. */
export function changedContent(
  session: LifecycleSession,
  { metadata, result, error }: SessionChange,
): SessionContent | undefined {
  if (metadata === undefined && result === undefined && error === undefined) return undefined;
  const content = {
    metadata: metadata ?? session.metadata,
    result: result ?? null,
    error: error ?? null,
  };
  if (content.metadata === undefined) throw new Error('The metadata of the session was not read');
  return content;
}

/** Returns the names of the members that a change sets. The audit log does not contain their values. */
export function changedFields(change: SessionChange): string[] {
  return MEMBERS.filter((name) => change[name] !== undefined);
}

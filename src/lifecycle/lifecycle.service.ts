import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { AuditEventType } from '../audit/audit-event-types.js';
import { AuditService } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import { sql } from '../database/sql.js';
import { InvalidTransitionError } from './lifecycle-errors.js';
import { endsTask, type TaskEndRule } from './task-end.js';
import {
  canTransition,
  type EndedReason,
  endedReason,
  type SessionStatus,
} from './session-status.js';

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
}

/** How the audit trail is to tell a change, where that is not plain from the change. */
export interface Telling {
  event_type?: AuditEventType;
  metadata?: Record<string, unknown>;
}

/** The only writer of sessions that exist: each change is one conditional UPDATE, one version and one audit event. */
@Injectable()
export class LifecycleService {
  private readonly endRules: TaskEndRule[] = [];

  constructor(private readonly audit: AuditService) {}

  /** Adds what is to happen, or to hold, whenever a task ends. */
  atTaskEnd(rule: TaskEndRule): void {
    this.endRules.push(rule);
  }

  /**
   * Changes a session and records it.
   *
   * @returns the session as it is now
   * @throws InvalidTransitionError when the state machine has no such step
   */
  async change<S extends LifecycleSession>(
    manager: EntityManager,
    session: S,
    change: SessionChange,
    by: Actor,
    telling: Telling = {},
  ): Promise<S> {
    const to = change.status ?? session.status;
    if (change.status && !canTransition(session.status, to)) {
      throw new InvalidTransitionError(session.status, to);
    }
    const reason = change.status ? (change.ended_reason ?? endedReason(to)) : null;
    const [changed] = await sql<S>(manager, CHANGE, [
      session.id,
      session.version,
      session.status,
      to,
      change.metadata ?? null,
      change.task_id ?? null,
      change.result ?? null,
      change.error ?? null,
      change.claimed_by ?? null,
      reason,
      change.lease_seconds ?? null,
      change.retryable ?? null,
    ]);
    if (!changed) throw new InvalidTransitionError(session.status, to);
    await this.audit.record(manager, {
      event_type:
        telling.event_type ?? (change.status ? 'session_transitioned' : 'session_updated'),
      trace_id: changed.trace_id,
      by,
      session_id: changed.id,
      task_id: changed.task_id,
      metadata: {
        ...(change.status && { from: session.status, to, ...(reason && { reason }) }),
        changed: membersOf(change),
        ...telling.metadata,
        version: changed.version,
      },
    });
    if (endsTask(changed.attempt, to, reason)) {
      for (const rule of this.endRules) await rule(manager, changed, by);
    }
    return changed;
  }

  /** Extends the lease of an active session: not a change of the session, so neither a version nor an event. */
  async heartbeat<S extends LifecycleSession>(
    manager: EntityManager,
    session: S,
    leaseSeconds: number,
  ): Promise<S> {
    const [extended] = await sql<S>(manager, HEARTBEAT, [session.id, leaseSeconds]);
    if (!extended) throw new InvalidTransitionError(session.status, 'active');
    return extended;
  }
}

const CHANGE = `
  UPDATE sessions
     SET status           = $4,
         metadata         = coalesce($5, metadata),
         task_id          = coalesce($6, task_id),
         result           = coalesce($7, result),
         error            = coalesce($8, error),
         claimed_by       = coalesce(claimed_by, $9),
         ended_reason     = $10,
         lease_expires_at = coalesce(clock_timestamp() + make_interval(secs => $11), lease_expires_at),
         retryable        = coalesce($12, retryable),
         version          = version + 1,
         updated_at       = clock_timestamp()
   WHERE id = $1 AND version = $2 AND status = $3
  RETURNING *`;

const HEARTBEAT = `
  UPDATE sessions SET lease_expires_at = clock_timestamp() + make_interval(secs => $2)
   WHERE id = $1 AND status = 'active'
  RETURNING *`;

const MEMBERS = ['metadata', 'task_id', 'result', 'error'] as const;

/** Which members of the session a change sets; the audit trail does not repeat their values. */
function membersOf(change: SessionChange): string[] {
  return MEMBERS.filter((name) => change[name] !== undefined);
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService, type NewAuditEvent } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import { sql } from '../database/sql.js';
import { InvalidTransitionError } from './lifecycle-errors.js';
import { canTransition, endedReason, type SessionStatus } from './session-status.js';

/** What the lifecycle needs to know of a session. */
export interface LifecycleSession {
  readonly id: string;
  readonly status: SessionStatus;
  readonly version: number;
  readonly task_id: string | null;
  readonly trace_id: string;
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
}

/** The only writer of sessions that exist: each change is one conditional UPDATE, one version and one audit event. */
@Injectable()
export class LifecycleService {
  constructor(private readonly audit: AuditService) {}

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
  ): Promise<S> {
    const to = change.status ?? session.status;
    if (change.status && !canTransition(session.status, to)) {
      throw new InvalidTransitionError(session.status, to);
    }
    return this.write(manager, session, change, {
      event_type: change.status ? 'session_transitioned' : 'session_updated',
      by,
      metadata: story(session.status, change),
    });
  }

  /** Marks a pending attempt as taken up by an agent of its role, which still has to activate it. */
  async adopt<S extends LifecycleSession>(
    manager: EntityManager,
    session: S,
    metadata: Record<string, unknown> | undefined,
    by: Actor,
  ): Promise<S> {
    return this.write(
      manager,
      session,
      { metadata },
      { event_type: 'session_adopted', by, metadata: {} },
    );
  }

  private async write<S extends LifecycleSession>(
    manager: EntityManager,
    session: S,
    change: SessionChange,
    event: Pick<NewAuditEvent, 'event_type' | 'by' | 'metadata'>,
  ): Promise<S> {
    const to = change.status ?? session.status;
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
      change.status ? endedReason(to) : null,
    ]);
    if (!changed) throw new InvalidTransitionError(session.status, to);
    await this.audit.record(manager, {
      ...event,
      trace_id: changed.trace_id,
      session_id: changed.id,
      task_id: changed.task_id,
      metadata: { ...event.metadata, version: changed.version },
    });
    return changed;
  }
}

const CHANGE = `
  UPDATE sessions
     SET status       = $4,
         metadata     = coalesce($5, metadata),
         task_id      = coalesce($6, task_id),
         result       = coalesce($7, result),
         error        = coalesce($8, error),
         claimed_by   = coalesce(claimed_by, $9),
         ended_reason = $10,
         version      = version + 1,
         updated_at   = clock_timestamp()
   WHERE id = $1 AND version = $2 AND status = $3
  RETURNING *`;

/** What an audit event tells of a change: the step, and which other members changed, not their values. */
function story(from: SessionStatus, change: SessionChange): Record<string, unknown> {
  const { status: to, ...members } = change;
  const changed = Object.entries(members)
    .filter(([name, value]: [string, unknown]) => name !== 'claimed_by' && value !== undefined)
    .map(([name]) => name);
  return to === undefined ? { changed } : { from, to, changed };
}

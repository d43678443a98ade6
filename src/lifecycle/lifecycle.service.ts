import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { AuditEventType } from '../audit/audit-event-types.js';
import { withEvent } from '../audit/audit.repository.js';
import { AuditService } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import { Deferred, RAISED_CONFLICT, sql, sqlWithCommit } from '../database/sql.js';
import { afterCommit } from '../database/transaction-hooks.js';
import { ConcurrentUpdateError } from '../database/postgres-errors.js';
import { sessionTopic, WorkNotifierService } from '../database/work-notifier.service.js';
import {
  type LifecycleSession,
  changedFields,
  type SessionChange,
  type SessionTransition,
  planTransition,
} from './session-transition.js';
import type { TaskEndHook } from './task-end.js';
import { lockEndingTask } from './task-lock.js';

/** Event type and metadata of the audit event of a change. Default: derived from the change. */
export interface AuditOptions {
  event_type?: AuditEventType;
  metadata?: Record<string, unknown>;
}

/** The only writer of existing sessions. A change is one conditional UPDATE, one version and one audit event. */
@Injectable()
export class LifecycleService {
  private readonly taskEndHooks: TaskEndHook[] = [];

  constructor(
    private readonly audit: AuditService,
    private readonly workNotifier: WorkNotifierService,
  ) {}

  /** Adds a rule that runs whenever a task ends. */
  onTaskEnd(rule: TaskEndHook): void {
    this.taskEndHooks.push(rule);
  }

  /**
   * Changes a session, which the caller has locked or read at this version, and records the change. If another request
   * has changed the session since, the transaction is retried.
   *
   * @returns the changed session
   * @throws InvalidTransitionError if the state machine has no such transition
   */
  async change<S extends LifecycleSession>(
    manager: EntityManager,
    session: S,
    change: SessionChange,
    by: Actor,
    options?: AuditOptions,
  ): Promise<S> {
    return this.apply(manager, session, planTransition(session, change), by, options);
  }

  /**
   * Like {@link change}, as the last statement of a transaction. Unless the task ends, it is sent with the COMMIT and
   * needs no round trip of its own.
   */
  async changeWithCommit<S extends LifecycleSession>(
    manager: EntityManager,
    session: S,
    change: SessionChange,
    by: Actor,
    options?: AuditOptions,
  ): Promise<Deferred<S>> {
    const step = planTransition(session, change);
    if (step.endsTask)
      return Deferred.resolved(await this.apply(manager, session, step, by, options));
    const parameters = this.parametersOf(manager, session, step, by, options);
    return sqlWithCommit<S>(manager, CHANGE, parameters, RAISED_CONFLICT).map(expectRow);
  }

  private async apply<S extends LifecycleSession>(
    manager: EntityManager,
    session: S,
    step: SessionTransition,
    by: Actor,
    options?: AuditOptions,
  ): Promise<S> {
    const parameters = this.parametersOf(manager, session, step, by, options);
    // Locks the task first, so that decisions made before the cancel have an earlier time than the cancel.
    const { task_id } = session;
    if (step.reason === 'cancelled' && task_id !== null) await lockEndingTask(manager, task_id);
    const [changed] = await Promise.all([
      sql<S>(manager, CHANGE, parameters, RAISED_CONFLICT),
      step.endsTask && this.runTaskEndHooks(manager, session, step, by),
    ]);
    return expectRow(changed);
  }

  private parametersOf(
    manager: EntityManager,
    session: LifecycleSession,
    step: SessionTransition,
    by: Actor,
    options: AuditOptions = {},
  ): unknown[] {
    const { change, from, to, reason } = step;
    this.notifyAfterCommit(manager, session, step, by);
    const event = this.audit.eventPayload(manager, {
      event_type:
        options.event_type ?? (change.status ? 'session_transitioned' : 'session_updated'),
      trace_id: session.trace_id,
      by,
      session_id: session.id,
      task_id: change.task_id ?? session.task_id,
      metadata: {
        ...(change.status && { from, to, ...(reason && { reason }) }),
        changed: changedFields(change),
        ...options.metadata,
        version: session.version + 1,
      },
    });
    return [
      session.id,
      session.version,
      from,
      to,
      change.metadata ?? null,
      change.task_id ?? null,
      change.result ?? null,
      change.error ?? null,
      change.claimed_by ?? null,
      reason,
      change.lease_seconds ?? null,
      change.retryable ?? null,
      event,
    ];
  }

  /**
   * Wakes requests that watch the session. Other instances are notified only of an end that the worker did not cause;
   * other changes are frequent, and the instances find them when they poll.
   */
  private notifyAfterCommit(
    manager: EntityManager,
    { id, claimed_by }: LifecycleSession,
    { reason }: SessionTransition,
    by: Actor,
  ): void {
    const topic = sessionTopic(id);
    const isForAll = reason !== null && by.subject !== claimed_by;
    afterCommit(manager, () => {
      if (isForAll) this.workNotifier.notify(topic);
      else this.workNotifier.notifyHere(topic);
    });
  }

  /** Runs the rules for the end of a task. They see the changed session. */
  private async runTaskEndHooks(
    manager: EntityManager,
    session: LifecycleSession,
    step: SessionTransition,
    by: Actor,
  ): Promise<void> {
    const { change, to: status } = step;
    const ended = {
      task_id: change.task_id ?? session.task_id,
      trace_id: session.trace_id,
      status,
      claimed_by: session.claimed_by ?? change.claimed_by ?? null,
      ...(change.completion && { completion: change.completion }),
    };
    for (const rule of this.taskEndHooks) await rule(manager, ended, by);
  }

  /**
   * Restarts the lease of an active session, at most until its `run_until`. Creates no version and no audit event.
   *
   * @param seconds the new length of the lease; null for its current length
   * @param otherwise the length if the session has no lease
   */
  heartbeat<S extends LifecycleSession>(
    manager: EntityManager,
    session: S,
    seconds: number | null,
    otherwise: number,
  ): Deferred<S> {
    return sqlWithCommit<S>(manager, HEARTBEAT, [session.id, seconds, otherwise]).map(expectRow);
  }
}

/** Part of the UPDATE, because the deadline can pass between the read and the change of the session. */
const MAY_BEGIN = `
  ((not_before IS NULL OR not_before <= clock_timestamp())
   AND (deadline_at IS NULL OR deadline_at > clock_timestamp()))`;

const CHANGE = withEvent(
  `UPDATE sessions
     SET status           = $4,
         metadata         = coalesce($5, metadata),
         task_id          = coalesce($6, task_id),
         result           = coalesce($7, result),
         error            = coalesce($8, error),
         claimed_by       = coalesce(claimed_by, $9),
         ended_reason     = $10,
         lease_seconds    = coalesce($11, lease_seconds),
         lease_expires_at = CASE WHEN $11 IS NULL THEN lease_expires_at
                              ELSE clock_timestamp() + make_interval(secs => least($11, max_run_seconds)) END,
         run_until        = CASE WHEN status = 'pending' AND $4::varchar = 'active'
                              THEN clock_timestamp() + make_interval(secs => max_run_seconds)
                              ELSE run_until END,
         retryable        = coalesce($12, retryable),
         version          = version + 1,
         updated_at       = clock_timestamp()
   WHERE id = $1 AND version = $2 AND status = $3
     AND ($4 <> 'active' OR $3 = 'active' OR ${MAY_BEGIN})
  RETURNING *`,
  '$13',
);

const HEARTBEAT = `
  UPDATE sessions
     SET lease_seconds    = coalesce($2, lease_seconds, $3),
         lease_expires_at =
           least(clock_timestamp() + make_interval(secs => coalesce($2, lease_seconds, $3)), run_until)
   WHERE id = $1 AND status = 'active'
  RETURNING *`;

function expectRow<S>([changed]: readonly S[]): S {
  if (changed === undefined) throw new ConcurrentUpdateError();
  return changed;
}

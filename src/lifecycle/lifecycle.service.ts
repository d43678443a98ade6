import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { AuditEventType } from '../audit/audit-event-types.js';
import { AuditService } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import { Deferred } from '../database/sql.js';
import { afterCommit } from '../database/transaction-hooks.js';
import { sessionTopic, WorkNotifierService } from '../database/work-notifier.service.js';
import {
  type LifecycleSession,
  changedContent,
  changedFields,
  type SessionChange,
  type SessionTransition,
  planTransition,
} from './session-transition.js';
import { LifecycleRepository, type StoredChange } from './lifecycle.repository.js';
import type { TaskEndHook } from './task-end.js';
import { TaskStatesService } from './task-states.service.js';

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
    private readonly sessions: LifecycleRepository,
    private readonly tasks: TaskStatesService,
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
    return this.sessions.changeWithCommit(
      manager,
      this.prepare(manager, session, step, by, options),
    );
  }

  private async apply<S extends LifecycleSession>(
    manager: EntityManager,
    session: S,
    step: SessionTransition,
    by: Actor,
    options?: AuditOptions,
  ): Promise<S> {
    const change = this.prepare(manager, session, step, by, options);
    // Locks the task first, so that decisions made before the cancel have an earlier time than the cancel.
    const { task_id } = session;
    if (step.reason === 'cancelled' && task_id !== null)
      await this.tasks.lockEnding(manager, task_id);
    const [changed] = await Promise.all([
      this.sessions.change<S>(manager, change),
      step.endsTask && this.runTaskEndHooks(manager, session, step, by),
    ]);
    return changed;
  }

  /** Returns the change with its audit event. Watching requests are notified after the commit. */
  private prepare(
    manager: EntityManager,
    session: LifecycleSession,
    step: SessionTransition,
    by: Actor,
    options: AuditOptions = {},
  ): StoredChange {
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
        retryable: change.retryable ?? null,
        ...options.metadata,
        version: session.version + 1,
      },
      content: changedContent(session, change),
    });
    return { ...change, id: session.id, version: session.version, from, to, reason, event };
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
    return this.sessions.restartLease(manager, session.id, seconds, otherwise);
  }
}

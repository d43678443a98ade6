import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { AuditEventType } from '../audit/audit-event-types.js';
import type { Actor } from '../auth/actor.js';
import { afterCommit } from '../database/transaction-hooks.js';
import { WorkNotifierService } from '../database/work-notifier.service.js';
import type { ClockChecks } from '../lifecycle/clock-checks.sql.js';
import { type EndedReason } from '../lifecycle/session-status.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { newId } from '../common/new-id.js';
import type { Attempt } from './attempt.js';
import { AttemptsRepository } from './attempts.repository.js';
import { backoffSeconds } from './backoff.js';
import type { Session } from './session.entity.js';
import { type NewSession, SessionsRepository } from './sessions.repository.js';

/** Values of an attempt before it is inserted. `role` is the `to_role` of the task. */
export type NewAttempt = Omit<NewSession, 'id' | 'metadata'>;

/** A failure of an attempt after which its task can still succeed. */
export interface AttemptFailure {
  ended_reason: Extract<EndedReason, 'worker' | 'lease_lost' | 'run_limit'>;
  error?: string;
  metadata?: Record<string, unknown>;
}

/** Opens the attempts of tasks. A unique index allows at most one open attempt of a task. */
@Injectable()
export class AttemptsService {
  constructor(
    private readonly lifecycle: LifecycleService,
    private readonly audit: AuditService,
    private readonly workNotifier: WorkNotifierService,
    private readonly sessions: SessionsRepository,
    private readonly taskAttempts: AttemptsRepository,
  ) {}

  /**
   * Queues the INSERT of the first attempt of a task. It is sent in one batch with the next statement. The caller records
   * the audit event.
   *
   * @returns the id of the attempt, which has version 1
   */
  openFirst(manager: EntityManager, attempt: Omit<NewAttempt, 'attempt'>): string {
    const id = newId();
    this.sessions.queueInsert(manager, { ...attempt, attempt: 1, id, metadata: {} });
    this.notifyAfterCommit(manager, attempt.role);
    return id;
  }

  /** Inserts an attempt. The caller records the audit event, because the event type depends on the cause. */
  private async open(manager: EntityManager, attempt: NewAttempt): Promise<Session> {
    const session = await this.sessions.insert(manager, { ...attempt, id: newId(), metadata: {} });
    if (!session) throw new Error('a new id was taken');
    this.notifyAfterCommit(manager, session.role);
    return session;
  }

  private notifyAfterCommit(manager: EntityManager, role: string): void {
    afterCommit(manager, () => {
      this.workNotifier.notify(role);
    });
  }

  /** Opens the attempt after one that has ended, and records the audit event. */
  async openNext(
    manager: EntityManager,
    ended: Attempt,
    { attempts_left, due, event_type = 'attempt_opened', ...more }: NextAttempt,
    by: Actor,
    metadata: Record<string, unknown> = {},
  ): Promise<Session> {
    const { role, task_id, trace_id, created_by, deadline_at, priority } = ended;
    const attempt = ended.attempt + 1;
    const next = await this.open(manager, {
      ...{ role, task_id, trace_id, created_by, deadline_at, priority },
      ...{ attempt, attempts_left, due, ...more },
    });
    this.audit.record(manager, {
      event_type,
      trace_id,
      by,
      task_id,
      session_id: next.id,
      metadata: {
        attempt,
        attempts_left,
        not_before: next.not_before,
        queued_at: next.queued_at,
        parked_for: next.parked_for,
        ...metadata,
        began: next.created_at,
        version: next.version,
      },
    });
    return next;
  }

  /** Opens the attempt after the last one of a task that has ended, and grants all attempts again. */
  async openRetry(
    manager: EntityManager,
    ended: Attempt,
    by: Actor,
    reason: string | undefined,
  ): Promise<Session> {
    const max = await this.taskAttempts.getMaxAttempts(manager, ended.task_id);
    const retry = { attempts_left: max - 1, due: null, event_type: 'task_retried' } as const;
    return this.openNext(manager, ended, retry, by, { told: reason });
  }

  /**
   * Fails an attempt whose task can still succeed. The next attempt opens after the backoff if attempts are left and the
   * deadline has not passed; otherwise the task becomes dead.
   *
   * @returns the failed attempt
   */
  async failAttempt(
    manager: EntityManager,
    attempt: Attempt & ClockChecks,
    loss: AttemptFailure,
    by: Actor,
  ): Promise<Session> {
    const { metadata, ...change } = loss;
    const goesOn = attempt.attempts_left > 0 && !attempt.is_past_deadline;
    const failed = await this.lifecycle.change(
      manager,
      attempt,
      { ...change, ...(metadata && { metadata }), status: 'failed', retryable: true },
      by,
      goesOn ? {} : { metadata: { dead: true } },
    );
    if (goesOn) {
      const max = await this.taskAttempts.getMaxAttempts(manager, attempt.task_id);
      // Counts the attempts used up since they were granted. Released attempts do not count.
      const due = backoffSeconds(max - attempt.attempts_left);
      await this.openNext(manager, attempt, { attempts_left: attempt.attempts_left - 1, due }, by);
    }
    return failed;
  }
}

interface NextAttempt extends Pick<NewSession, 'due' | 'place_of' | 'parked_for'> {
  attempts_left: number;
  event_type?: AuditEventType;
}

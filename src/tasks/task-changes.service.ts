import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ApprovalRequirementsService } from '../approvals/approval-requirements.service.js';
import type { Actor } from '../auth/actor.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { isTerminal } from '../lifecycle/session-status.js';
import { taskStatus } from '../lifecycle/task-status.js';
import { deadlinePast, taskFinished } from '../lifecycle/task-summary.js';
import { isAttempt } from '../sessions/attempt.js';
import { AttemptsRepository } from '../sessions/attempts.repository.js';
import { AttemptsService } from '../sessions/attempts.service.js';
import type { Session } from '../sessions/session.entity.js';
import { cancelAttempt } from './cancel-attempt.js';
import { taskOpen } from './task-errors.js';

/** A change of one task on behalf of `by`, who may control it. */
export interface TaskChange {
  id: string;
  by: Actor;
  reason: string | undefined;
}

/** Cancels and retries a task in a transaction. Each change is one audit event. */
@Injectable()
export class TaskChangesService {
  constructor(
    private readonly taskAttempts: AttemptsRepository,
    private readonly lifecycle: LifecycleService,
    private readonly attempts: AttemptsService,
    private readonly expiry: ExpiryService,
    private readonly requirements: ApprovalRequirementsService,
  ) {}

  /**
   * Cancels a task. A pending attempt expires, an active one fails.
   *
   * @returns the cancelled attempt
   * @throws DomainError `task.finished`
   */
  async cancel(manager: EntityManager, { id, by, reason }: TaskChange): Promise<Session> {
    const attempt = await this.taskAttempts.lockLatest(manager, id);
    if (isTerminal(attempt.status)) throw taskFinished(taskStatus(attempt));
    return cancelAttempt(this.lifecycle, manager, attempt, by, { told: reason });
  }

  /**
   * Opens a new attempt of a task that failed, expired, became dead or was cancelled. All attempts are granted again.
   *
   * @returns the new attempt
   * @throws DomainError `task.open`, `task.finished`, `approval.pending_exists` or `approval.limit_reached`
   */
  async retry(manager: EntityManager, { id, by, reason }: TaskChange): Promise<Session> {
    const attempt = await this.taskAttempts.lockLatest(manager, id);
    if (!isTerminal(attempt.status)) throw taskOpen(taskStatus(attempt));
    if (attempt.status === 'completed' || !isAttempt(attempt))
      throw taskFinished(taskStatus(attempt));
    if (attempt.is_past_deadline) throw deadlinePast();
    // An overdue session is expired for readers, but can still be open in its row.
    await this.expiry.expireWithin(manager, attempt.id);
    const next = await this.attempts.openRetry(manager, attempt, by, reason);
    await this.requirements.reopen(manager, id, by, reason);
    return next;
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ApprovalsRepository } from '../approvals/approvals.repository.js';
import type { Actor } from '../auth/actor.js';
import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { AttemptsRepository } from './attempts.repository.js';
import type { Attempt } from './attempt.js';
import { AttemptsService } from './attempts.service.js';
import type { ReleaseDto } from './dto/lease.dto.js';
import type { Session } from './session.entity.js';
import type { NewSession } from './sessions.repository.js';

/**
 * Maximum number of releases of one task, over all its attempts. Stops workers that claim and release in a loop. Claims
 * that did not reach their client do not count.
 */
const MAX_RELEASES = 100;

type Place = Pick<NewSession, 'due' | 'place_of' | 'parked_for'>;

/** Ends an attempt with reason `released` and opens the next one, which uses up no attempt. */
@Injectable()
export class ReleasesService {
  constructor(
    private readonly taskStates: TaskStatesService,
    private readonly lifecycle: LifecycleService,
    private readonly attempts: AttemptsService,
    private readonly taskAttempts: AttemptsRepository,
    private readonly approvals: ApprovalsRepository,
  ) {}

  /**
   * Releases an attempt. The next one becomes due at once in the same place of the inbox, at `not_before`, or when the
   * approval `until_approval` ends.
   *
   * @returns the ended attempt
   * @throws DomainError `task.release_limit`, `approval.other_task` or `task.finished`
   * @throws InvalidInputError if `not_before` is not in the future or not before the deadline
   */
  async release(
    manager: EntityManager,
    attempt: Attempt,
    { reason, not_before, until_approval, undelivered = false }: ReleaseDto,
    by: Actor,
  ): Promise<Session> {
    const metadata = {
      ...(reason !== undefined && { told: reason }),
      ...(not_before !== undefined && { not_before: new Date(not_before) }),
      ...(until_approval !== undefined && { until_approval }),
      ...(undelivered && { undelivered }),
    };
    const released = await this.lifecycle.change(
      manager,
      attempt,
      { status: 'failed', ended_reason: 'released' },
      by,
      { event_type: 'task_released', metadata },
    );
    if (!undelivered) await this.assertFewReleases(manager, attempt);
    const place = await this.placeAfter(manager, attempt, not_before, until_approval);
    const { attempts_left } = attempt;
    await this.attempts.openNext(manager, attempt, { attempts_left, ...place }, by);
    return released;
  }

  private async placeAfter(
    manager: EntityManager,
    attempt: Attempt,
    notBefore: string | undefined,
    approvalId: string | undefined,
  ): Promise<Place> {
    const atOnce = { due: null, place_of: attempt.id };
    if (notBefore !== undefined) return { due: await this.dueTime(manager, attempt, notBefore) };
    if (approvalId === undefined) return atOnce;
    const until = await this.pendingUntil(manager, attempt, approvalId);
    return until ? { due: until, parked_for: approvalId } : atOnce;
  }

  /** Returns the expiry of the pending stage of an approval's chain; null if no stage is pending. */
  private async pendingUntil(
    manager: EntityManager,
    { task_id }: Attempt,
    approvalId: string,
  ): Promise<Date | null> {
    // Transactions that end an approval have this lock too: they commit before this read, or find the parked attempt.
    await this.taskStates.lockOpen(manager, task_id);
    const approval = await this.approvals.find(manager, approvalId);
    if (approval?.task_id !== task_id) {
      throw new DomainError(
        'approval.other_task',
        'until_approval does not name an approval of this task. GET /approvals?task_id=<task id> lists them.',
      );
    }
    const pending = await this.approvals.findPendingStage(manager, approval);
    return pending?.expires_at ?? null;
  }

  private async assertFewReleases(manager: EntityManager, { task_id }: Attempt): Promise<void> {
    const released = await this.taskAttempts.countReleases(manager, task_id, MAX_RELEASES + 1);
    if (released <= MAX_RELEASES) return;
    throw new DomainError(
      'task.release_limit',
      `The task was released ${MAX_RELEASES} times, which is the maximum. Complete it, or fail it with "retryable": true.`,
    );
  }

  private async dueTime(manager: EntityManager, { id }: Attempt, notBefore: string): Promise<Date> {
    const due = await this.taskAttempts.compareDueTime(manager, id, notBefore);
    if (due.isPast) throw invalidDueTime('not_before must be in the future');
    if (due.isAfterDeadline) {
      throw invalidDueTime('not_before must be before the deadline_at of the task');
    }
    return new Date(notBefore);
  }
}

function invalidDueTime(message: string): InvalidInputError {
  return new InvalidInputError([{ pointer: '/not_before', message }]);
}

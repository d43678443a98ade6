import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import { afterCommit } from '../database/transaction-hooks.js';
import { WorkNotifierService } from '../database/work-notifier.service.js';
import { LifecycleRepository } from './lifecycle.repository.js';
import type { LockedTask } from './locked-task.js';

/** Moves the due time of parked attempts with the approval that they wait for. */
@Injectable()
export class ParkedTasksService {
  constructor(
    private readonly audit: AuditService,
    private readonly workNotifier: WorkNotifierService,
    private readonly sessions: LifecycleRepository,
  ) {}

  /**
   * Moves the due time of the attempt that waits for a chain of approvals, in the transaction that changes the chain.
   * An approval that expires needs no call: its attempt is due from then on.
   *
   * @param task as locked by this transaction, before the change
   * @param pendingUntil until when the pending stage can be decided; null if the chain has ended, so that the attempt
   *   is due now and waiting clients are notified
   */
  async follow(
    manager: EntityManager,
    { parked }: LockedTask,
    { id, chain_id }: { id: string; chain_id: string },
    pendingUntil: Date | null,
    by: Actor,
  ): Promise<void> {
    if (parked?.chain_id !== chain_id) return;
    const event = this.audit.eventPayload(manager, {
      event_type: pendingUntil ? 'attempt_postponed' : 'attempt_due',
      trace_id: parked.trace_id,
      by,
      task_id: parked.task_id,
      session_id: parked.id,
      metadata: {
        until_approval: id,
        attempt: parked.attempt,
        version: parked.version + 1,
      },
    });
    await this.sessions.moveDueTime(manager, parked, pendingUntil, event);
    if (pendingUntil) return;
    afterCommit(manager, () => {
      this.workNotifier.notify(parked.role);
    });
  }
}

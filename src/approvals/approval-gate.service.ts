import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import type { EndedTask, TaskCompletion } from '../lifecycle/task-end.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import type { Approval } from './approval.entity.js';
import { ApprovalChangesRepository } from './approval-changes.repository.js';
import { ownPending } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalRequirementsService } from './approval-requirements.service.js';

/** Checks the required approval when a task completes, and withdraws pending approvals when a task ends. */
@Injectable()
export class ApprovalGateService implements OnModuleInit {
  constructor(
    private readonly taskStates: TaskStatesService,
    private readonly lifecycle: LifecycleService,
    private readonly changes: ApprovalChangesRepository,
    private readonly audit: AuditService,
    private readonly requirements: ApprovalRequirementsService,
  ) {}

  onModuleInit(): void {
    this.lifecycle.onTaskEnd((manager, ended, by) => this.onTaskEnd(manager, ended, by));
  }

  private async onTaskEnd(manager: EntityManager, ended: EndedTask, by: Actor): Promise<void> {
    const { task_id, status } = ended;
    if (task_id === null) return;
    const [{ requires_approval, subject }, withdrawn] = await Promise.all([
      this.taskStates.lockEnding(manager, task_id),
      this.changes.withdrawPending(manager, task_id),
    ]);
    const completing = [ended.claimed_by, by.subject];
    if (status === 'completed' && requires_approval && subject) {
      await this.requirements.assertMet(
        manager,
        { task_id, requires_approval, subject },
        completing,
      );
    }
    if (ended.completion) collectWithdrawn(ended.completion, withdrawn, completing);
    this.recordWithdrawals(manager, withdrawn, ended, by);
  }

  private recordWithdrawals(
    manager: EntityManager,
    withdrawn: readonly Approval[],
    task: EndedTask,
    by: Actor,
  ): void {
    this.audit.recordAll(
      manager,
      withdrawn.map((approval) =>
        approvalEvent('approval_withdrawn', approval, task, by, {
          reason: 'task_ended',
          decision_at: approval.decision_at,
        }),
      ),
    );
  }
}

/** @throws DomainError `approval.pending` if the completing subject requested one of them and does not withdraw it */
function collectWithdrawn(
  { withdrawPending, withdrawn: collected }: TaskCompletion,
  withdrawn: readonly Approval[],
  completing: readonly (string | null)[],
): void {
  const own = withdrawn.filter(
    ({ requested_by }) => requested_by !== null && completing.includes(requested_by),
  );
  if (own.length > 0 && !withdrawPending) throw ownPending(own);
  collected.push(...withdrawn);
}

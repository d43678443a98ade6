import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { authorize, permits } from '../auth/policy.js';
import type { LockedTask } from '../lifecycle/locked-task.js';
import { taskRelations } from '../lifecycle/task-summary.js';
import type { Approval } from './approval.entity.js';
import { approvalNotFound, heldByAnother, notHeld } from './approval-errors.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { TaskAttemptsRepository } from './task-attempts.repository.js';

/** Checks which agents may consume an approval. */
@Injectable()
export class ConsumptionAccessService {
  constructor(
    private readonly attempts: TaskAttemptsRepository,
    private readonly exclusions: ApprovalExclusionsService,
  ) {}

  /**
   * Asserts that the agent may consume in the latest attempt.
   *
   * @throws DomainError `auth.forbidden`, `approval.not_found`, `approval.four_eyes`, or `approval.not_held` if the
   *   agent can claim the task
   */
  async assertMayConsume(
    manager: EntityManager,
    agent: Agent,
    approval: Approval,
    task: LockedTask,
  ): Promise<void> {
    await this.assertConsumer(manager, agent, approval, task);
    await this.exclusions.assertMayConsume(manager, agent, approval, task);
  }

  private async assertConsumer(
    manager: EntityManager,
    agent: Agent,
    approval: Approval,
    task: LockedTask,
  ): Promise<void> {
    const relations = taskRelations(agent, task);
    if (task.status === 'active') {
      if (task.claimed_by === agent.subject) relations.push('claimant');
      else if (permits('approvals.read', relations)) throw heldByAnother();
      authorize('approvals.consume', relations, approvalNotFound);
      return;
    }
    const requester = requesterOf(approval, task);
    const isRequester = agent.roles.includes(requester);
    if (!isRequester && agent.roles.includes(task.to_role)) throw notHeld();
    if (isRequester) relations.push('requester');
    authorize('approvals.consume', relations, approvalNotFound);
    if (requester === task.to_role) throw notHeld();
    if (await this.attempts.hasHeld(manager, task.task_id, agent.subject)) throw notHeld();
  }
}

/** Returns the requester role. Without a request, it is the role that routed the task. */
export function requesterOf({ requested_role }: Approval, { from_role }: LockedTask): string {
  return requested_role ?? from_role;
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import type { LockedTask } from '../lifecycle/locked-task.js';
import type { Approval } from './approval.entity.js';
import { fourEyes, sameRole } from './approval-errors.js';
import { ApprovalExclusionsRepository, type Exclusion } from './approval-exclusions.repository.js';
import { ApprovalVotesRepository } from './approval-votes.repository.js';
import { TaskAttemptsRepository } from './task-attempts.repository.js';

/**
 * Enforces four eyes: excludes subjects from deciding, moving and consuming an approval. Each method throws
 * `approval.four_eyes`, unless `APPROVALS_FOUR_EYES` is false.
 */
@Injectable()
export class ApprovalExclusionsService {
  constructor(
    private readonly excluded: ApprovalExclusionsRepository,
    private readonly votes: ApprovalVotesRepository,
    private readonly attempts: TaskAttemptsRepository,
    private readonly environment: Environment,
  ) {}

  /** Asserts that the requester role is not one of the approver roles. */
  assertOtherRole(requestedRole: string, stages: readonly string[]): void {
    const { APPROVALS_FOUR_EYES, APPROVALS_SAME_ROLE } = this.environment;
    if (!APPROVALS_FOUR_EYES || APPROVALS_SAME_ROLE) return;
    if (stages.includes(requestedRole)) throw sameRole(requestedRole);
  }

  /** Asserts that the subject may vote on an approval, or move its decision to another role. */
  async assertMayDecide(manager: EntityManager, agent: Agent, approvalId: string): Promise<void> {
    assertNotAmong(await this.list(manager, approvalId), agent);
  }

  /**
   * Asserts that the subject may decide a task for its assignee role without an approval request. Once that role was
   * requested to approve, agents that hold or held the task are excluded, with any outcome of the request.
   */
  async assertMayDecideUnrequested(
    manager: EntityManager,
    agent: Agent,
    { task_id, from_role, to_role }: LockedTask,
    digest: string,
  ): Promise<void> {
    this.assertOtherRole(from_role, [to_role]);
    if (!this.environment.APPROVALS_FOUR_EYES) return;
    const question = { task_id, approver_role: to_role, digest };
    assertNotAmong(await this.excluded.listOfQuestion(manager, question), agent);
  }

  /**
   * Asserts that the decision may be moved to a role: no excluded subject acted for it.
   *
   * @throws DomainError `approval.delegation_refused` for the role, `approval.four_eyes` for the caller
   */
  async assertMayMove(
    manager: EntityManager,
    agent: Agent,
    { id, requested_role }: Approval,
    role: string,
  ): Promise<void> {
    const exclusions = await this.list(manager, id);
    assertNotAmong(exclusions, agent);
    if (this.environment.APPROVALS_SAME_ROLE) return;
    if (role !== requested_role && !exclusions.some((excluded) => excluded.role === role)) return;
    throw new DomainError(
      'approval.delegation_refused',
      `${role} requested the approval, routed the task or works on it, so it cannot decide. Choose another role.`,
    );
  }

  /**
   * Asserts that an agent that worked on the task does not withdraw or resubmit the approval that the task requires.
   */
  async assertOwnRequest(
    manager: EntityManager,
    agent: Agent,
    { task_id, to_role, requires_approval }: LockedTask,
    { requested_by, requested_role, approver_role, delegated_from, stages }: Approval,
  ): Promise<void> {
    if (!this.environment.APPROVALS_FOUR_EYES || !requires_approval) return;
    const deciding = [approver_role, delegated_from, ...stages];
    if (!deciding.includes(requires_approval.role)) return;
    if (requested_by === agent.subject || requested_role === to_role) return;
    if (await this.attempts.hasHeld(manager, task_id, agent.subject)) throw fourEyes();
  }

  /**
   * Asserts that the subject did not vote in any stage of the approval that it consumes. Exception: the agent that
   * holds the task may consume its own decision if its role is the only approver and the task does not require the
   * approval.
   */
  async assertMayConsume(
    manager: EntityManager,
    { subject }: Agent,
    { chain_id, approver_role, stages }: Approval,
    { status, claimed_by, to_role, requires_approval }: LockedTask,
  ): Promise<void> {
    if (!this.environment.APPROVALS_FOUR_EYES) return;
    const holds = status === 'active' && claimed_by === subject;
    const isOfHolder = approver_role === to_role && stages.length === 1;
    if (holds && isOfHolder && requires_approval?.role !== to_role) return;
    if (await this.votes.hasVoted(manager, chain_id, subject)) throw fourEyes();
  }

  private async list(manager: EntityManager, approvalId: string): Promise<Exclusion[]> {
    if (!this.environment.APPROVALS_FOUR_EYES) return [];
    return this.excluded.listOfApproval(manager, approvalId);
  }
}

function assertNotAmong(exclusions: readonly Exclusion[], { subject }: Agent): void {
  if (exclusions.some((excluded) => excluded.subject === subject)) throw fourEyes();
}

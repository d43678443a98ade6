import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import type { LockedTask } from '../lifecycle/locked-task.js';
import { SubjectRolesService } from '../subjects/subject-roles.service.js';
import type { Approval } from './approval.entity.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalsRepository } from './approvals.repository.js';
import type { ApproverKind } from './approver-kind.js';
import { assertKind, requiredKind } from './approver-kind-rules.js';

/** Checks that an agent may decide: it still holds the role, four eyes do not exclude it, and it is of the kind needed. */
@Injectable()
export class ApproverChecksService {
  constructor(
    private readonly approvals: ApprovalsRepository,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly subjects: SubjectRolesService,
    private readonly environment: Environment,
  ) {}

  /** @throws DomainError `approval.four_eyes`, `approval.human_required`, or if the subject has lost the role */
  async assertMayVote(manager: EntityManager, agent: Agent, approval: Approval): Promise<void> {
    await Promise.all([
      this.subjects.assertStillHeld(manager, agent, approval.approver_role),
      this.exclusions.assertMayDecide(manager, agent, approval.id),
    ]);
    assertKind(agent, requiredKind(approval, this.environment), this.environment);
  }

  /**
   * Asserts that the agent may decide a task for its assignee role without a request. Returns the kind of approver
   * needed.
   *
   * @throws DomainError as {@link assertMayVote}
   */
  async assertMayDecideUnrequested(
    manager: EntityManager,
    agent: Agent,
    task: LockedTask,
    digest: string,
  ): Promise<ApproverKind> {
    await this.subjects.assertStillHeld(manager, agent, task.to_role);
    await this.exclusions.assertMayDecideUnrequested(manager, agent, task, digest);
    const kind = await this.kindUnrequested(manager, task);
    assertKind(agent, kind, this.environment);
    return kind;
  }

  /** Returns the kind of approver for a decision without a request: the same as for earlier requests to the role. */
  private async kindUnrequested(
    manager: EntityManager,
    { task_id, to_role: approver_role, requires_approval }: LockedTask,
  ): Promise<ApproverKind> {
    const isRequired = requires_approval?.role === approver_role;
    const asked = isRequired ? (requires_approval.approver_kind ?? 'any') : 'any';
    const role = { approver_role, stage: 1, stages: [approver_role] };
    const kind = requiredKind({ ...role, approver_kind: asked }, this.environment);
    if (kind === 'human') return kind;
    return (await this.approvals.hasNeededHuman(manager, task_id, approver_role)) ? 'human' : 'any';
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { isBlank } from '../common/invisible-characters.js';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { canonicalDigest } from '../http/canonical-json.js';
import { withPrefix } from '../common/ids.js';
import type { RequiredApproval, TaskSubject } from '../lifecycle/locked-task.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { requiredKind } from './approver-kind-rules.js';
import { requirementInTheWay } from './approval-errors.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import {
  ApprovalRequirementsRepository,
  type Requirement,
  type RequirementDecision,
  type UnmetRequirement,
} from './approval-requirements.repository.js';
import { ApprovalsRepository } from './approvals.repository.js';

/** A task and its required approval. */
export interface RequiringTask {
  task_id: string;
  requires_approval: RequiredApproval;
  subject: TaskSubject;
}

/** Why the requirement keeps a task from being completed: its role has to be asked, or its worker voted on it. */
export type RequirementBlock =
  | { why: 'unasked'; role: string; since: Date }
  | { why: 'worker_voted'; approval_id: string; since: Date };

/** Requests, checks and renews the required approval of a task. It must have the digest of the task, and its role and quorum. */
@Injectable()
export class ApprovalRequirementsService {
  constructor(
    private readonly taskStates: TaskStatesService,
    private readonly requests: ApprovalRequestsService,
    private readonly approvals: ApprovalsRepository,
    private readonly requirements: ApprovalRequirementsRepository,
    private readonly environment: Environment,
  ) {}

  /**
   * Asserts that the required approval of a task was given. The caller holds the lock of the task.
   *
   * @param completing the subjects that complete the task: none of them may have voted
   * @throws DomainError `task.approval_required`
   */
  async assertMet(
    manager: EntityManager,
    task: RequiringTask,
    completing: readonly (string | null)[],
  ): Promise<void> {
    const refusal = unmetError(
      task.requires_approval,
      await this.latestDecision(manager, task, completing),
    );
    if (refusal !== undefined) throw new DomainError('task.approval_required', refusal);
  }

  /**
   * Requests the required approval of a new task.
   *
   * @throws DomainError `approval.four_eyes` if the requester role is the approver role
   */
  async open(manager: EntityManager, taskId: string, by: Actor): Promise<void> {
    const task = await this.taskStates.lockOpen(manager, taskId);
    if (!task.requires_approval) return;
    const { role, ...ask } = task.requires_approval;
    const reason = 'Required to complete the task';
    await this.requests.create(manager, task, { ...ask, stages: [role], reason }, by);
  }

  /**
   * Requests the required approval again, if it is neither given nor pending. A role has one pending approval of a task
   * in each stage, so another approval that is pending for the role leaves no room for it.
   *
   * @throws DomainError `approval.pending_exists` for that approval, or `approval.limit_reached`
   */
  async reopen(
    manager: EntityManager,
    taskId: string,
    by: Actor,
    why: string | undefined,
  ): Promise<void> {
    const task = await this.taskStates.lockOpen(manager, taskId);
    const { requires_approval } = task;
    if (!requires_approval) return;
    const requiring = { ...task, requires_approval };
    const latest = await this.latestDecision(manager, requiring, []);
    if (unmetError(requires_approval, latest) === undefined) return;
    if ((await this.findUnmet(manager, requiring))?.is_asked === true) return;
    const { role, ...ask } = requires_approval;
    const pending = await this.approvals.listPending(manager, taskId, [role]);
    const inTheWay = pending.find(({ stage }) => stage === 1);
    if (inTheWay) throw requirementInTheWay(inTheWay);
    const told = why === undefined || isBlank(why) ? '' : `: ${why}`;
    const reason = `Required to complete the task, which is retried${told}`;
    const again = { reason, requested_role: task.from_role, repeat: 'if_consumed' as const };
    await this.requests.create(manager, task, { ...ask, ...again, stages: [role] }, by);
  }

  /**
   * Returns what keeps the task from being completed: the required approval is neither given nor can a pending one be,
   * or the worker voted on it. Undefined if nothing does.
   */
  async findBlock(
    manager: EntityManager,
    task: RequiringTask,
    worker: string | null,
  ): Promise<RequirementBlock | undefined> {
    const { role } = task.requires_approval;
    const latest = await this.latestDecision(manager, task, [worker]);
    if (latest?.own === true && isMetBy(latest)) {
      return { why: 'worker_voted', approval_id: latest.id, since: latest.decision_at };
    }
    if (unmetError(task.requires_approval, latest) === undefined) return undefined;
    const unmet = await this.findUnmet(manager, task);
    return unmet && !unmet.is_asked ? { why: 'unasked', role, since: unmet.since } : undefined;
  }

  private findUnmet(
    manager: EntityManager,
    task: RequiringTask,
  ): Promise<UnmetRequirement | undefined> {
    return this.requirements.findUnmet(manager, toRequirement(task));
  }

  private latestDecision(
    manager: EntityManager,
    task: RequiringTask,
    completing: readonly (string | null)[],
  ): Promise<RequirementDecision | undefined> {
    const { role, approver_kind = 'any' } = task.requires_approval;
    const approval = { approver_role: role, approver_kind, stage: 1, stages: [role] };
    const kind = requiredKind(approval, this.environment);
    const barred = this.environment.APPROVALS_FOUR_EYES ? completing : [];
    return this.requirements.findLatestDecision(manager, toRequirement(task), kind, barred);
  }
}

function toRequirement({ task_id, subject, requires_approval }: RequiringTask): Requirement {
  const { role, quorum } = requires_approval;
  return { task_id, digest: canonicalDigest({ ...subject }).toString('hex'), role, quorum };
}

/** Whether the decision meets the requirement for an agent that did not vote. */
function isMetBy({ status, spent }: RequirementDecision): boolean {
  return status === 'approved' && !spent;
}

function unmetError(
  { role }: RequiredApproval,
  latest: RequirementDecision | undefined,
): string | undefined {
  if (!latest)
    return `${role} has not approved the task yet. Wait for the decision; see GET /approvals?task_id={id}.`;
  const { id, status, own, spent, consumed_by, consumed_at } = latest;
  const name = withPrefix('approval', id);
  if (status === 'rejected') {
    return `${role} rejected ${name}. Request a new approval from ${role}, then complete the task.`;
  }
  if (spent) {
    const use = `consumed by ${consumed_by ?? ''} at ${consumed_at?.toISOString() ?? ''}`;
    return `${name} was ${use}, not for an attempt of this task. Request a new approval from ${role}.`;
  }
  return own
    ? `A subject that voted on ${name} cannot complete the task. Another agent must complete it.`
    : undefined;
}

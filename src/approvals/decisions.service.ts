import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v7 as newId } from 'uuid';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize, type Relation } from '../auth/policy.js';
import { actingRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { Transactions } from '../database/transactions.js';
import { DomainError } from '../errors/domain-error.js';
import { getReadableTask, type TaskFacts, taskRelations } from '../lifecycle/task-facts.js';
import { alreadySettled, approvalNotFound, fourEyes, nonePending } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { getLatest, insertDecided, lockApproval, selectPending, settle } from './approval-rows.js';
import type { Decision } from './approval-status.js';
import type { Approval } from './approval.entity.js';
import { ApprovalsReader } from './approvals-reader.service.js';
import {
  type ApprovalAckDto,
  type ApprovalDto,
  toApprovalAck,
  toApprovalDto,
} from './dto/approval.dto.js';
import type { CreateApprovalDto } from './dto/create-approval.dto.js';

/** What an approver says. */
export interface Verdict {
  decision: Decision;
  comments?: string;
}

/** Decides: by the approver role only, once, and never by the subject that asked or routed. */
@Injectable()
export class DecisionsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly reader: ApprovalsReader,
    private readonly audit: AuditService,
    private readonly environment: Environment,
  ) {}

  /** Decides one approval. */
  async decide(agent: Agent, id: string, verdict: Verdict): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: found, task } = await this.reader.getWithTask(manager, agent, id);
      return this.settle(manager, agent, found, task, verdict);
    });
    return toApprovalDto(approval);
  }

  /**
   * Decides about a task: the approval that is pending for the caller's role. Where none is, the role that the task
   * was sent to may decide all the same, once: sending it the task was asking it.
   */
  async decideAbout(
    agent: Agent,
    dto: CreateApprovalDto,
    verdict: Verdict,
  ): Promise<ApprovalAckDto> {
    const approval = await this.transactions.run(async (manager) => {
      const task = await getReadableTask(manager, agent, dto.task_id);
      const roles = decidingRoles(agent, dto.approver_role);
      const pending = await selectPending(manager, task.task_id, roles);
      if (pending.length === 0)
        return this.decideUnasked(manager, agent, task, roles, dto, verdict);
      const role =
        pending.length === 1 ? pending[0]?.approver_role : actingRole(agent, dto.approver_role);
      const chosen = pending.find(({ approver_role }) => approver_role === role);
      if (!chosen) throw nonePending();
      return this.settle(manager, agent, chosen, task, verdict);
    });
    return toApprovalAck(approval);
  }

  private async settle(
    manager: EntityManager,
    agent: Agent,
    approval: Approval,
    task: TaskFacts,
    { decision, comments }: Verdict,
  ): Promise<Approval> {
    const relations: Relation[] = taskRelations(agent, task);
    if (agent.roles.includes(approval.approver_role)) relations.push('owner');
    authorize('approvals.decide', relations, approvalNotFound());
    this.assertFourEyes(agent, task, approval.requested_by);
    const settled = await settle(manager, approval.id, decision, {
      decided_by: agent.subject,
      notes: comments ?? '',
    });
    if (!settled) throw alreadySettled(await lockApproval(manager, approval.id));
    await this.record(manager, agent, settled, task);
    return settled;
  }

  private async decideUnasked(
    manager: EntityManager,
    agent: Agent,
    task: TaskFacts,
    roles: readonly string[],
    { reason }: CreateApprovalDto,
    verdict: Verdict,
  ): Promise<Approval> {
    const { decision, comments } = verdict;
    const { task_id, to_role: approver_role } = task;
    if (!roles.includes(approver_role)) throw nonePending();
    this.assertFourEyes(agent, task, null);
    const decided = await insertDecided(manager, {
      id: newId(),
      task_id,
      approver_role,
      status: decision,
      decided_by: agent.subject,
      notes: comments ?? '',
      reason: reason ?? '',
    });
    if (!decided) {
      const latest = await getLatest(manager, task_id, approver_role);
      // Somebody has asked in this very moment.
      if (latest.status === 'pending') return this.settle(manager, agent, latest, task, verdict);
      throw alreadySettled(latest);
    }
    await this.record(manager, agent, decided, task);
    return decided;
  }

  private assertFourEyes(agent: Agent, task: TaskFacts, requestedBy: string | null): void {
    if (!this.environment.APPROVALS_FOUR_EYES) return;
    if (agent.subject === requestedBy || agent.subject === task.created_by) throw fourEyes();
  }

  private async record(
    manager: EntityManager,
    agent: Agent,
    approval: Approval,
    task: TaskFacts,
  ): Promise<void> {
    const by = { role: approval.approver_role, subject: agent.subject };
    const metadata = { decision: approval.status };
    await this.audit.record(
      manager,
      approvalEvent('approval_decided', approval, task, by, metadata),
    );
  }
}

/** The roles for which the agent may decide about the task: the one it names, if it holds that, else all it holds. */
function decidingRoles(agent: Agent, named: string | undefined): readonly string[] {
  if (named === undefined) return agent.roles;
  if (agent.roles.includes(named)) return [named];
  throw new DomainError('auth.role_not_held', 'Only a holder of the approver role may decide.');
}

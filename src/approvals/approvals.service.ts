import { Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { actingRole, assertOrgRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { Transactions } from '../database/transactions.js';
import { InvalidInputError } from '../errors/domain-error.js';
import {
  getReadableTask,
  type TaskFacts,
  taskNotFound,
  taskRelations,
} from '../lifecycle/task-facts.js';
import { alreadyPending, alreadySettled, approvalNotFound } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { insertPending, lockApproval, selectPending, settle } from './approval-rows.js';
import { ApprovalsReader } from './approvals-reader.service.js';
import {
  type ApprovalAckDto,
  type ApprovalDto,
  toApprovalAck,
  toApprovalDto,
} from './dto/approval.dto.js';
import type { CreateApprovalDto } from './dto/create-approval.dto.js';

/** Asks for decisions, and takes the asking back. */
@Injectable()
export class ApprovalsService {
  constructor(
    private readonly transactions: Transactions,
    private readonly reader: ApprovalsReader,
    private readonly audit: AuditService,
    private readonly environment: Environment,
  ) {}

  /** Asks a role for a decision about a task. */
  async ask(agent: Agent, dto: CreateApprovalDto): Promise<ApprovalAckDto> {
    const approver_role = this.approverOf(dto);
    const approval = await this.transactions.run(async (manager) => {
      const task = await getReadableTask(manager, agent, dto.task_id);
      authorize('approvals.ask', taskRelations(agent, task), taskNotFound());
      const role = participatingRole(agent, task);
      const inserted = await insertPending(manager, {
        id: newId(),
        task_id: task.task_id,
        approver_role,
        requested_by: agent.subject,
        requested_role: role,
        reason: dto.reason ?? '',
      });
      if (!inserted)
        throw alreadyPending(await selectPending(manager, task.task_id, [approver_role]));
      const by = { role, subject: agent.subject };
      await this.audit.record(manager, approvalEvent('approval_requested', inserted, task, by));
      return inserted;
    });
    return toApprovalAck(approval);
  }

  /** Takes back what was asked and is not decided yet. */
  async withdraw(agent: Agent, id: string, reason: string | undefined): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: found, task } = await this.reader.getWithTask(manager, agent, id);
      const role = found.requested_role;
      const isAsker = role !== null && agent.roles.includes(role);
      const relations = [...taskRelations(agent, task), ...(isAsker ? (['asker'] as const) : [])];
      authorize('approvals.withdraw', relations, approvalNotFound());
      const withdrawn = await settle(manager, id, 'withdrawn');
      if (!withdrawn) throw alreadySettled(await lockApproval(manager, id));
      const by = { role: role ?? '', subject: agent.subject };
      await this.audit.record(
        manager,
        approvalEvent('approval_withdrawn', withdrawn, task, by, { reason }),
      );
      return withdrawn;
    });
    return toApprovalDto(approval);
  }

  private approverOf({ approver_role }: CreateApprovalDto): string {
    if (approver_role === undefined) {
      throw new InvalidInputError([
        {
          pointer: '/approver_role',
          message: 'approver_role must name the role that is to decide',
        },
      ]);
    }
    assertOrgRole(approver_role, this.environment.ROLES, '/approver_role');
    return approver_role;
  }
}

/** The role for which the agent takes part in the task. */
function participatingRole(agent: Agent, { participants }: TaskFacts): string {
  const roles = agent.roles.filter((role) => participants.includes(role));
  const { defaultRole } = agent;
  const isDefault = defaultRole !== undefined && roles.includes(defaultRole);
  return actingRole({ subject: agent.subject, roles, ...(isDefault && { defaultRole }) });
}

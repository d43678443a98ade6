import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { actingRole, assertOrgRole } from '../auth/roles.js';
import { isBlank } from '../common/invisible-characters.js';
import { Environment } from '../config/environment.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import {
  type TaskSummary,
  taskFinished,
  taskNotFound,
  taskRelations,
} from '../lifecycle/task-summary.js';
import type { LockedTask } from '../lifecycle/locked-task.js';
import { approvalNotFound, repeatReasonRequired } from './approval-errors.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { DEFAULT_EXPIRY_SECONDS } from './approval-limits.js';
import { ApprovalRequestsService, requestedSeconds } from './approval-requests.service.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { TaskAttemptsRepository } from './task-attempts.repository.js';
import { ApprovalsReaderService, approvalRelations } from './approvals-reader.service.js';
import { type ApprovalAckDto, toApprovalAck } from './dto/approval-ack.dto.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';
import { type CreateApprovalDto, stagesOf } from './dto/create-approval.dto.js';
import type { ResubmitApprovalDto } from './dto/resubmit-approval.dto.js';

/** Requests and resubmits approvals. */
@Injectable()
export class ApprovalsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly reader: ApprovalsReaderService,
    private readonly requests: ApprovalRequestsService,
    private readonly approvals: ApprovalsRepository,
    private readonly attempts: TaskAttemptsRepository,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly environment: Environment,
  ) {}

  /** Requests an approval of a role, or of several in stages, about a task. */
  async create(agent: Agent, dto: CreateApprovalDto): Promise<ApprovalAckDto> {
    const stages = stagesOf(dto);
    for (const role of stages) assertOrgRole(role, this.environment.ROLES, '/approver_role');
    const { quorum = 1, expires_in_seconds = DEFAULT_EXPIRY_SECONDS, reason = '' } = dto;
    const { payload, approver_kind, repeat = false } = dto;
    if (repeat && isBlank(reason)) throw repeatReasonRequired();
    const approval = await this.transactions.run(async (manager) => {
      const facts = await this.taskStates.getReadable(manager, agent, dto.task_id);
      authorize('approvals.create', taskRelations(agent, facts), taskNotFound);
      const by = { role: requestingRole(agent, facts, dto.from_role), subject: agent.subject };
      const task = await this.lockUnfinishedTask(manager, dto.task_id);
      const ask = { stages, quorum, reason, expires_in_seconds, payload, approver_kind, repeat };
      return this.requests.create(manager, task, ask, by);
    });
    return toApprovalAck(approval);
  }

  /**
   * Creates a new approval, from the first stage on, in place of a rejected, withdrawn or expired one.
   *
   * @throws DomainError `approval.open`, `approval.superseded` or `approval.pending_exists`
   */
  async resubmit(agent: Agent, id: string, dto: ResubmitApprovalDto): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: found, task: facts } = await this.reader.getWithTask(manager, agent, id);
      authorize('approvals.resubmit', approvalRelations(agent, found, facts), approvalNotFound);
      const task = await this.lockUnfinishedTask(manager, facts.task_id);
      await this.exclusions.assertOwnRequest(manager, agent, task, found);
      const { status, stages, quorum, requested_role, ...old } = await this.approvals.lock(
        manager,
        id,
      );
      const reason = dto.reason ?? old.reason;
      const repeat = dto.repeat ?? (old.repeat && dto.payload === undefined);
      if (repeat && isBlank(reason)) throw repeatReasonRequired();
      if (status === 'pending' || status === 'approved') {
        throw new DomainError(
          'approval.open',
          `The approval is ${status}. Only a rejected, withdrawn or expired approval can be resubmitted.`,
        );
      }
      if (await this.approvals.isSuperseded(manager, id)) {
        throw new DomainError(
          'approval.superseded',
          'The approval was already resubmitted. Find the new one, which names it in supersedes, with GET /approvals?task_id={id}.',
        );
      }
      return this.requests.create(
        manager,
        task,
        {
          stages,
          quorum,
          reason,
          repeat,
          approver_kind: old.requested_kind,
          expires_in_seconds: dto.expires_in_seconds ?? requestedSeconds(old),
          payload: dto.payload ?? old.payload ?? undefined,
          supersedes: id,
        },
        { role: requested_role ?? '', subject: agent.subject },
      );
    });
    return toApprovalDto(approval);
  }

  /** Locks a task that has not expired, because a new approval must not outlive its task. */
  private async lockUnfinishedTask(manager: EntityManager, taskId: string): Promise<LockedTask> {
    const task = await this.taskStates.lockOpen(manager, taskId);
    if (await this.attempts.isExpired(manager, task.session_id)) throw taskFinished('expired');
    return task;
  }
}

/** Returns the role for which the agent requests: one of its roles that are participants in the task. */
function requestingRole(
  agent: Agent,
  { participants }: TaskSummary,
  named: string | undefined,
): string {
  const roles = agent.roles.filter((role) => participants.includes(role));
  const { defaultRole } = agent;
  const isDefault = defaultRole !== undefined && roles.includes(defaultRole);
  return actingRole({ roles, ...(isDefault && { defaultRole }) }, named);
}

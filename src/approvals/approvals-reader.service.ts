import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { authorize, canReadEverything, type Relation } from '../auth/policy.js';
import { decodeCursor, toPage } from '../database/keyset.js';
import type { RowPage } from '../database/sql.js';
import { ListReadsService } from '../database/replica/list-reads.service.js';
import { TransactionsService } from '../database/transactions.service.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { type TaskSummary, taskRelations } from '../lifecycle/task-summary.js';
import type { Approval } from './approval.entity.js';
import { asHidden } from '../errors/domain-error.js';
import { approvalNotFound } from './approval-errors.js';
import {
  type ApprovalFilter,
  ApprovalListsRepository,
  type ListedApproval,
} from './approval-lists.repository.js';
import type { ApprovalRow } from './approval-rows.sql.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { type ApprovalDto, type ApprovalPageDto, toApprovalDto } from './dto/approval.dto.js';
import type { ListApprovalsQuery } from './dto/list-approvals.query.js';

/** Reads approvals for callers that may see their task. */
@Injectable()
export class ApprovalsReaderService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly reads: ListReadsService,
    private readonly taskStates: TaskStatesService,
    private readonly lists: ApprovalListsRepository,
    private readonly approvals: ApprovalsRepository,
  ) {}

  async get(agent: Agent, id: string): Promise<ApprovalDto> {
    return this.transactions.read(async (manager) => {
      const [{ approval, task }, whole] = await Promise.all([
        this.getWithTask(manager, agent, id),
        this.approvals.findTask(manager, id),
      ]);
      authorize('approvals.read', approvalRelations(agent, approval, task), approvalNotFound);
      return toApprovalDto({ ...approval, task: { ...approval.task, ...whole } });
    });
  }

  /** Returns a page of the approvals that the agent may see, newest first. */
  async list(agent: Agent, query: ListApprovalsQuery): Promise<ApprovalPageDto> {
    const filter = toFilter(agent, query);
    const found = await this.reads.read((manager) =>
      this.lists.list(manager, filter, query.page_size + 1),
    );
    const { rows, next_cursor } = toPage('approvals', found, query.page_size);
    return { approvals: rows.map(toListedDto), page_size: query.page_size, next_cursor };
  }

  /** Counts the approvals that the agent can decide now, up to 100. */
  countWaiting(manager: EntityManager, agent: Agent): Promise<number> {
    return this.lists.countDecidable(manager, agent);
  }

  /** Returns the approvals of a task, oldest first. If the list is cut, it contains the latest ones. */
  async listOfTask(manager: EntityManager, taskId: string): Promise<RowPage<ApprovalDto>> {
    const { rows, isTruncated } = await this.lists.listOfTask(manager, taskId);
    return { rows: rows.reverse().map(toApprovalDto), isTruncated };
  }

  /**
   * Returns an approval and its task.
   *
   * @throws DomainError `approval.not_found` if it is missing, or hidden from the agent
   */
  async getWithTask(
    manager: EntityManager,
    agent: Agent,
    id: string,
  ): Promise<{ approval: ApprovalRow; task: TaskSummary }> {
    const approval = await this.approvals.find(manager, id);
    if (!approval) throw approvalNotFound();
    const task = await this.taskStates.findReadable(manager, agent, approval.task_id);
    if (!task) throw asHidden(approvalNotFound());
    return { approval, task };
  }
}

/** Returns the relations of an agent to an approval. */
export function approvalRelations(agent: Agent, approval: Approval, task: TaskSummary): Relation[] {
  const relations = taskRelations(agent, task);
  if (agent.roles.includes(approval.approver_role)) relations.push('approver');
  const { requested_role, delegated_from } = approval;
  if (delegated_from !== null && agent.roles.includes(delegated_from)) relations.push('delegator');
  if (requested_role !== null && agent.roles.includes(requested_role)) relations.push('requester');
  return relations;
}

function toFilter(
  agent: Agent,
  { status, waiting_for, asked_by, approver_role, task_id, cursor }: ListApprovalsQuery,
): ApprovalFilter {
  return {
    participants: canReadEverything(agent) ? undefined : agent.roles,
    status,
    decidableBy: waiting_for && agent,
    requested_by: asked_by && agent.subject,
    approver_role,
    task_id,
    after: cursor === undefined ? undefined : decodeCursor('approvals', cursor),
  };
}

function toListedDto({ task_overdue, task, ...approval }: ListedApproval): ApprovalDto {
  return toApprovalDto({ ...approval, task: task_overdue ? { ...task, status: 'expired' } : task });
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { authorize, canReadEverything, type Relation } from '../auth/policy.js';
import { Environment } from '../config/environment.js';
import { decodeCursor, keysetAt, toPage } from '../database/keyset.js';
import { type RowPage, sql, sqlPage } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { WhereClause } from '../database/where-clause.js';
import { overdue, statusNow } from '../lifecycle/overdue.js';
import { taskStatusNow } from '../lifecycle/task-status.js';
import { findReadableTask, type TaskSummary, taskRelations } from '../lifecycle/task-summary.js';
import type { Approval } from './approval.entity.js';
import { asHidden } from '../errors/domain-error.js';
import { approvalNotFound } from './approval-errors.js';
import { excludedFrom } from './approval-exclusions.js';
import { APPROVAL_ROW, type ApprovalRow, findApproval, selectApprovals } from './approval-rows.js';
import { isCounted } from './counted-votes.js';
import type { ApprovedTask } from './approval-context.js';
import { needsHuman } from './approver-kind-rules.js';
import { type ApprovalStatus, expiredCondition } from './approval-status.js';
import { type ApprovalDto, type ApprovalPageDto, toApprovalDto } from './dto/approval.dto.js';
import type { ListApprovalsQuery } from './dto/list-approvals.query.js';

/** Reads approvals for callers that may see their task. */
@Injectable()
export class ApprovalsReaderService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
  ) {}

  async get(agent: Agent, id: string): Promise<ApprovalDto> {
    return this.transactions.read(async (manager) => {
      const [{ approval, task }, [whole]] = await Promise.all([
        this.getWithTask(manager, agent, id),
        sql<ApprovedTask>(manager, WHOLE_TASK, [id, this.environment.SESSION_RETENTION_DAYS]),
      ]);
      authorize('approvals.read', approvalRelations(agent, approval, task), approvalNotFound);
      return toApprovalDto({ ...approval, task: { ...approval.task, ...whole } });
    });
  }

  /** Returns a page of the approvals that the agent may see, newest first. */
  async list(agent: Agent, query: ListApprovalsQuery): Promise<ApprovalPageDto> {
    const where = this.filter(agent, query);
    if (query.cursor !== undefined) {
      const { at, id } = decodeCursor('approvals', query.cursor);
      where.and('(a.created_at, a.id) < (?::timestamptz, ?::uuid)', at, id);
    }
    const found = await this.transactions.read((manager) =>
      sqlPage<ApprovalRow & { keyset_at: string; task_overdue: boolean }>(
        manager,
        `SELECT ${APPROVAL_ROW}, ${keysetAt('a.created_at')} AS keyset_at,
                ${isTaskOverdue(where.bind(this.environment.SESSION_RETENTION_DAYS))} AS task_overdue
           FROM approvals a ${where.toString()}
          ORDER BY a.created_at DESC, a.id DESC LIMIT ${where.bind(query.page_size + 1)}`,
        where.parameters,
      ),
    );
    const { rows, next_cursor } = toPage('approvals', found, query.page_size);
    const approvals = rows.map(({ task_overdue, ...approval }) =>
      toApprovalDto(
        task_overdue ? { ...approval, task: { ...approval.task, status: 'expired' } } : approval,
      ),
    );
    return { approvals, page_size: query.page_size, next_cursor };
  }

  /** Returns the approvals of a task, oldest first. If the list is cut, it contains the latest ones. */
  async listOfTask(manager: EntityManager, taskId: string): Promise<RowPage<ApprovalDto>> {
    const { rows, isTruncated } = await selectApprovals(manager, taskId);
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
    const approval = await findApproval(manager, id);
    if (!approval) throw approvalNotFound();
    const task = await findReadableTask(manager, agent, approval.task_id);
    if (!task) throw asHidden(approvalNotFound());
    return { approval, task };
  }

  private filter(agent: Agent, query: ListApprovalsQuery): WhereClause {
    const where = new WhereClause();
    if (!canReadEverything(agent)) where.and(TAKES_PART, agent.roles);
    if (query.status !== undefined) where.and(hasStatus(query.status), query.status);
    if (query.waiting_for !== undefined) {
      where.and(hasStatus('pending'), 'pending').and('a.approver_role = ANY(?)', agent.roles);
      where.and(NOT_VOTED, agent.subject);
      if (this.environment.APPROVALS_FOUR_EYES) where.and(NOT_EXCLUDED, agent.subject);
      if (agent.kind !== 'human') {
        where.and(`NOT ${needsHuman('?')}`, this.environment.HUMAN_APPROVER_ROLES);
      }
    }
    return where
      .and('a.requested_by = ?', query.asked_by && agent.subject)
      .and('a.approver_role = ?', query.approver_role)
      .and('a.task_id = ?', query.task_id);
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

/** Returns the SQL condition that an approval currently has a status, in a form that an index can serve. */
function hasStatus(status: ApprovalStatus): string {
  if (status === 'pending') return `a.status = ? AND NOT ${expiredCondition('a')}`;
  if (status === 'expired') return `(a.status = ? OR ${expiredCondition('a')})`;
  return 'a.status = ?';
}

/** The full description and current status of the task of an approval. */
const WHOLE_TASK = `
  SELECT t.description, ${taskStatusNow('s', statusNow('s', '$2'))} AS status
    FROM approvals a JOIN tasks t ON t.id = a.task_id JOIN sessions s ON s.task_id = t.id
   WHERE a.id = $1 AND s.attempt IS NOT NULL ORDER BY s.attempt DESC LIMIT 1`;

/** Whether the task of an approval `a` is overdue, before the sweep stores that. */
const isTaskOverdue = (days: string): string => `
  EXISTS (SELECT 1 FROM sessions s WHERE s.task_id = a.task_id AND s.attempt IS NOT NULL AND ${overdue('s', days)})`;

const TAKES_PART = `EXISTS (
  SELECT 1 FROM task_participants p WHERE p.task_id = a.task_id AND p.role = ANY(?))`;

const NOT_VOTED = `NOT EXISTS (
  SELECT 1 FROM approval_votes v
   WHERE v.chain_id = a.chain_id AND v.subject = ? AND (v.approval_id <> a.id OR ${isCounted('a')}))`;

const NOT_EXCLUDED = `NOT EXISTS (
  SELECT 1 FROM (${excludedFrom('a')}) e WHERE e.subject = ?)`;

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { isStaff } from '../auth/policy.js';
import { decodeCursor, keysetAt, pageOf } from '../database/keyset.js';
import { sql } from '../database/sql.js';
import { Transactions } from '../database/transactions.js';
import { Where } from '../database/where.js';
import { findReadableTask, type TaskFacts } from '../lifecycle/task-facts.js';
import type { Approval } from './approval.entity.js';
import { concealing } from '../errors/domain-error.js';
import { approvalNotFound } from './approval-errors.js';
import { findApproval, selectApprovals } from './approval-rows.js';
import { type ApprovalDto, type ApprovalPageDto, toApprovalDto } from './dto/approval.dto.js';
import type { ListApprovalsQuery } from './dto/list-approvals.query.js';

/** Finds approvals for those who may see them: everybody who may see their task. */
@Injectable()
export class ApprovalsReader {
  constructor(private readonly transactions: Transactions) {}

  async get(agent: Agent, id: string): Promise<ApprovalDto> {
    const { approval } = await this.transactions.read((manager) =>
      this.getWithTask(manager, agent, id),
    );
    return toApprovalDto(approval);
  }

  /** A page of the approvals that the agent may see, the newest first. */
  async list(agent: Agent, query: ListApprovalsQuery): Promise<ApprovalPageDto> {
    const where = new Where();
    if (!isStaff(agent)) where.and(TAKES_PART, agent.roles);
    where
      .and('a.status = ?', query.status)
      .and('a.approver_role = ?', query.approver_role)
      .and('a.task_id = ?', query.task_id);
    if (query.cursor !== undefined) {
      const { at, id } = decodeCursor(query.cursor);
      where.and('(a.created_at, a.id) < (?::timestamptz, ?::uuid)', at, id);
    }
    const found = await this.transactions.read((manager) =>
      sql<Approval & { keyset_at: string }>(
        manager,
        `SELECT a.*, ${keysetAt('a.created_at')} AS keyset_at FROM approvals a ${where.toString()}
          ORDER BY a.created_at DESC, a.id DESC LIMIT ${where.bind(query.page_size + 1)}`,
        where.parameters,
      ),
    );
    const { rows, next_cursor } = pageOf(found, query.page_size);
    return { approvals: rows.map(toApprovalDto), page_size: query.page_size, next_cursor };
  }

  /** The approvals of a task, the first one first. */
  async approvalsOf(manager: EntityManager, taskId: string): Promise<ApprovalDto[]> {
    return (await selectApprovals(manager, taskId)).map(toApprovalDto);
  }

  /** An approval and its task, for an agent that may read them. */
  async getWithTask(
    manager: EntityManager,
    agent: Agent,
    id: string,
  ): Promise<{ approval: Approval; task: TaskFacts }> {
    const approval = await findApproval(manager, id);
    if (!approval) throw approvalNotFound();
    const task = await findReadableTask(manager, agent, approval.task_id);
    if (!task) throw concealing(approvalNotFound());
    return { approval, task };
  }
}

const TAKES_PART = `EXISTS (
  SELECT 1 FROM task_participants p WHERE p.task_id = a.task_id AND p.role = ANY(?))`;

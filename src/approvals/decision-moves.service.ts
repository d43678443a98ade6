import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { TransactionsService } from '../database/transactions.service.js';
import { lockOpenTask } from '../lifecycle/task-lock.js';
import { alreadyEnded, approvalNotFound } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import { type ApprovalRow, lockApproval } from './approval-rows.js';
import { ApprovalsReaderService, approvalRelations } from './approvals-reader.service.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';

/** The result of {@link Move.update}. */
interface Moved {
  /** Undefined if the approval has ended or expired. */
  approval: ApprovalRow | undefined;
  /** Further metadata of the audit event. */
  metadata?: Record<string, unknown>;
}

/** A move of a pending decision to another role: a delegation, a recall or a reassignment. */
export interface Move {
  readonly action: 'approvals.delegate' | 'approvals.recall' | 'approvals.reassign';
  readonly event_type: 'approval_delegated' | 'approval_recalled' | 'approval_reassigned';
  /** The reason of the caller, for the audit event. */
  readonly reason: string | undefined;
  /** Returns the role that decides after the move. */
  targetOf(current: ApprovalRow): string;
  /** Returns the acting role of the caller, for the audit event. */
  actingRoleOf(current: ApprovalRow): string;
  /** Throws if the approval cannot be moved, or the caller is excluded. */
  assertAllowed(manager: EntityManager, current: ApprovalRow): Promise<void>;
  /** Stores the new approver role. */
  update(manager: EntityManager, current: ApprovalRow): Promise<Moved>;
}

/** Moves pending decisions to other roles. */
@Injectable()
export class DecisionMovesService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly reader: ApprovalsReaderService,
    private readonly requests: ApprovalRequestsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Moves a pending decision and records the move.
   *
   * @throws DomainError `auth.forbidden`, `approval.not_found`, `approval.pending_exists`, `approval.decided` or
   *   `approval.expired` if the approval has ended, `task.finished`, or an error of the move
   */
  async move(agent: Agent, id: string, move: Move): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: seen, task: facts } = await this.reader.getWithTask(manager, agent, id);
      authorize(move.action, approvalRelations(agent, seen, facts), approvalNotFound);
      const task = await lockOpenTask(manager, facts.task_id);
      const current = await lockApproval(manager, id);
      // Another request may have moved it while this one waited for the lock.
      authorize(move.action, approvalRelations(agent, current, task), approvalNotFound);
      if (current.status !== 'pending') throw alreadyEnded(current);
      const to = move.targetOf(current);
      await move.assertAllowed(manager, current);
      await this.requests.assertNonePending(manager, current, to);
      const { approval: moved, metadata } = await move.update(manager, current);
      if (!moved) throw alreadyEnded(await lockApproval(manager, id));
      const by = { role: move.actingRoleOf(current), subject: agent.subject };
      const details = { from: current.approver_role, to, told: move.reason, ...metadata };
      this.audit.record(manager, approvalEvent(move.event_type, moved, task, by, details));
      return moved;
    });
    return toApprovalDto(approval);
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { Environment } from '../config/environment.js';
import { TransactionsService } from '../database/transactions.service.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { alreadyEnded, approvalNotFound } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import type { ApprovalMove } from './approval-changes.repository.js';
import type { ApprovalRow } from './approval-rows.sql.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { requiredKind } from './approver-kind-rules.js';
import { assertRoom } from './request-rules.js';
import { ApprovalsReaderService, approvalRelations } from './approvals-reader.service.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';

/** The values of an approval that each move changes. */
type MovedValues = Pick<ApprovalMove, 'id' | 'approver_role' | 'approver_kind'>;

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
  /** Returns further metadata of the audit event. Called before the update. */
  metadataOf?(manager: EntityManager): Promise<Record<string, unknown>>;
  /** Stores the new approver role. Returns undefined if the approval has ended or expired. */
  update(
    manager: EntityManager,
    values: MovedValues,
    current: ApprovalRow,
  ): Promise<ApprovalRow | undefined>;
}

/** Moves pending decisions to other roles. */
@Injectable()
export class DecisionMovesService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly reader: ApprovalsReaderService,
    private readonly requests: ApprovalRequestsService,
    private readonly approvals: ApprovalsRepository,
    private readonly audit: AuditService,
    private readonly environment: Environment,
  ) {}

  /**
   * Moves a pending decision and records the move.
   *
   * @throws DomainError `auth.forbidden`, `approval.not_found`, `approval.pending_exists`, `approval.decided` or
   *   `approval.expired` if the approval has ended, `approval.limit_reached`, `task.finished`, or an error of the move
   */
  async move(agent: Agent, id: string, move: Move): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: seen, task: facts } = await this.reader.getWithTask(manager, agent, id);
      authorize(move.action, approvalRelations(agent, seen, facts), approvalNotFound);
      const task = await this.taskStates.lockOpen(manager, facts.task_id);
      const current = await this.approvals.lock(manager, id);
      // Another request may have moved it while this one waited for the lock.
      authorize(move.action, approvalRelations(agent, current, task), approvalNotFound);
      if (current.status !== 'pending') throw alreadyEnded(current);
      const to = move.targetOf(current);
      await move.assertAllowed(manager, current);
      await this.requests.assertNonePending(manager, current, to);
      assertRoom(await this.approvals.countOfTask(manager, current.task_id, [to]), 0);
      const metadata = await move.metadataOf?.(manager);
      const approver_kind = requiredKind({ ...current, approver_role: to }, this.environment);
      const values = { id, approver_role: to, approver_kind };
      const moved = await move.update(manager, values, current);
      if (!moved) throw alreadyEnded(await this.approvals.lock(manager, id));
      const by = { role: move.actingRoleOf(current), subject: agent.subject };
      const { delegated_from, reassigned_at } = moved;
      const details = {
        ...{ from: current.approver_role, to, told: move.reason },
        ...{ approver_kind, delegated_from, reassigned_at },
        ...metadata,
      };
      this.audit.record(manager, approvalEvent(move.event_type, moved, task, by, details));
      return moved;
    });
    return toApprovalDto(approval);
  }
}

import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { sql } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { lockOpenTask } from '../lifecycle/task-lock.js';
import { alreadySettled, approvalNotFound } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import { APPROVAL_ROW, type ApprovalRow, lockApproval } from './approval-rows.js';
import { ApprovalsReaderService, approvalRelations } from './approvals-reader.service.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';

/** Recalls delegated decisions. */
@Injectable()
export class RecallsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly reader: ApprovalsReaderService,
    private readonly requests: ApprovalRequestsService,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Makes the role that delegated a decision its approver role again, until the first vote. It may delegate again.
   *
   * @throws DomainError `approval.recall_refused`, `approval.pending_exists`, `approval.four_eyes`, or
   *   `approval.decided` or `approval.expired` if the approval has ended
   */
  async recall(agent: Agent, id: string, reason: string | undefined): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: seen, task: facts } = await this.reader.getWithTask(manager, agent, id);
      authorize('approvals.recall', approvalRelations(agent, seen, facts), approvalNotFound);
      const task = await lockOpenTask(manager, facts.task_id);
      const current = await lockApproval(manager, id);
      // Another request may have recalled or reassigned it while this one waited for the lock.
      authorize('approvals.recall', approvalRelations(agent, current, task), approvalNotFound);
      if (current.status !== 'pending') throw alreadySettled(current);
      if (current.votes > 0) {
        const refusal = `${current.approver_role} has already voted, so the decision stays with it.`;
        throw new DomainError('approval.recall_refused', refusal);
      }
      await this.exclusions.assertMayDecide(manager, agent, id);
      const to = current.delegated_from ?? '';
      await this.requests.assertNonePending(manager, current, to);
      const [recalled] = await sql<ApprovalRow>(manager, RECALL, [id]);
      if (!recalled) throw alreadySettled(await lockApproval(manager, id));
      const by = { role: to, subject: agent.subject };
      const metadata = { from: current.approver_role, to, told: reason };
      this.audit.record(manager, approvalEvent('approval_recalled', recalled, task, by, metadata));
      return recalled;
    });
    return toApprovalDto(approval);
  }
}

const RECALL = `
  UPDATE approvals a SET approver_role = a.delegated_from, delegated_from = NULL
   WHERE a.id = $1 AND a.status = 'pending' AND a.delegated_from IS NOT NULL AND a.expires_at > clock_timestamp()
  RETURNING ${APPROVAL_ROW}`;

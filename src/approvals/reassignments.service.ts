import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { assertOrgRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { lockOpenTask } from '../lifecycle/task-lock.js';
import { alreadySettled, approvalNotFound } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import { APPROVAL_ROW, type ApprovalRow, lockApproval, selectVotes } from './approval-rows.js';
import { ApprovalsReaderService, approvalRelations } from './approvals-reader.service.js';
import { requiredKind } from './approver-kind-rules.js';
import { assertRoom } from './request-rules.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';
import type { ReassignApprovalDto } from './dto/reassign-approval.dto.js';

/** Reassigns pending decisions to other roles, by an admin, if the approver role has no subject left. */
@Injectable()
export class ReassignmentsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly reader: ApprovalsReaderService,
    private readonly requests: ApprovalRequestsService,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly audit: AuditService,
    private readonly environment: Environment,
  ) {}

  /**
   * Makes another role the approver role. Votes of the previous role no longer count; the audit event lists them.
   *
   * @throws DomainError `approval.delegation_refused`, `approval.pending_exists`, `approval.four_eyes`,
   *   `approval.limit_reached`, or `approval.decided` or `approval.expired` if the approval has ended
   */
  async reassign(
    agent: Agent,
    id: string,
    { role, reason }: ReassignApprovalDto,
  ): Promise<ApprovalDto> {
    assertOrgRole(role, this.environment.ROLES, '/role');
    const approval = await this.transactions.run(async (manager) => {
      const { approval: seen, task: facts } = await this.reader.getWithTask(manager, agent, id);
      authorize('approvals.reassign', approvalRelations(agent, seen, facts), approvalNotFound);
      const task = await lockOpenTask(manager, facts.task_id);
      const current = await lockApproval(manager, id);
      if (current.status !== 'pending') throw alreadySettled(current);
      const from = current.approver_role;
      if (role === from) {
        throw new DomainError(
          'approval.delegation_refused',
          `${role} is already the approver role. Choose another role.`,
        );
      }
      await this.exclusions.assertMayMove(manager, agent, current, role);
      await this.requests.assertNonePending(manager, current, role);
      await assertRoom(manager, task.task_id, [role], 0);
      const approver_kind = requiredKind({ ...current, approver_role: role }, this.environment);
      const discarded_votes = await selectVotes(manager, id);
      const [moved] = await sql<ApprovalRow>(manager, REASSIGN, [
        id,
        role,
        agent.subject,
        approver_kind,
      ]);
      if (!moved) throw alreadySettled(await lockApproval(manager, id));
      const by = { role: 'admin', subject: agent.subject };
      const metadata = { from, to: role, told: reason, discarded_votes };
      this.audit.record(manager, approvalEvent('approval_reassigned', moved, task, by, metadata));
      return moved;
    });
    return toApprovalDto(approval);
  }
}

const REASSIGN = `
  UPDATE approvals a
     SET approver_role = $2, reassigned_from = a.approver_role, reassigned_by = $3,
         reassigned_at = clock_timestamp(), delegated_from = NULL, approver_kind = $4
   WHERE a.id = $1 AND a.status = 'pending' AND a.expires_at > clock_timestamp()
  RETURNING ${APPROVAL_ROW}`;

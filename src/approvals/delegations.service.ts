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
import { requiredKind } from './approver-kind-rules.js';
import { assertRoom } from './request-rules.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import { APPROVAL_ROW, type ApprovalRow, lockApproval } from './approval-rows.js';
import { ApprovalsReaderService, approvalRelations } from './approvals-reader.service.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';
import type { DelegateApprovalDto } from './dto/delegate-approval.dto.js';

/** Delegates pending decisions to other roles: once, and never to the requester role. */
@Injectable()
export class DelegationsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly reader: ApprovalsReaderService,
    private readonly requests: ApprovalRequestsService,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly audit: AuditService,
    private readonly environment: Environment,
  ) {}

  /**
   * Makes another role the approver role. The role becomes a participant in the task.
   *
   * @throws DomainError `approval.delegation_refused`, `approval.pending_exists`, `approval.four_eyes`,
   *   `approval.limit_reached`, or `approval.decided` or `approval.expired` if the approval has ended
   */
  async delegate(
    agent: Agent,
    id: string,
    { role, reason }: DelegateApprovalDto,
  ): Promise<ApprovalDto> {
    assertOrgRole(role, this.environment.ROLES, '/role');
    const approval = await this.transactions.run(async (manager) => {
      const { approval: seen, task: facts } = await this.reader.getWithTask(manager, agent, id);
      authorize('approvals.delegate', approvalRelations(agent, seen, facts), approvalNotFound);
      const task = await lockOpenTask(manager, facts.task_id);
      const current = await lockApproval(manager, id);
      // Another request may have delegated it while this one waited for the lock.
      authorize('approvals.delegate', approvalRelations(agent, current, task), approvalNotFound);
      assertDelegable(current, role);
      await this.exclusions.assertMayMove(manager, agent, current, role);
      await this.requests.assertNonePending(manager, current, role);
      await assertRoom(manager, task.task_id, [role], 0);
      const approver_kind = requiredKind({ ...current, approver_role: role }, this.environment);
      const [delegated] = await sql<ApprovalRow>(manager, DELEGATE, [id, role, approver_kind]);
      if (!delegated) throw alreadySettled(await lockApproval(manager, id));
      const by = { role: current.approver_role, subject: agent.subject };
      const metadata = { from: current.approver_role, to: role, told: reason };
      this.audit.record(
        manager,
        approvalEvent('approval_delegated', delegated, task, by, metadata),
      );
      return delegated;
    });
    return toApprovalDto(approval);
  }
}

function assertDelegable(approval: ApprovalRow, role: string): void {
  if (approval.status !== 'pending') throw alreadySettled(approval);
  const refusal = delegationError(approval, role);
  if (refusal !== undefined) throw new DomainError('approval.delegation_refused', refusal);
}

function delegationError(
  { delegated_from, votes, approver_role }: ApprovalRow,
  role: string,
): string | undefined {
  if (delegated_from !== null)
    return 'The decision was already delegated. A decision can be delegated once.';
  if (votes > 0) return 'A subject has already voted, so the decision stays with its role.';
  if (role === approver_role) return `${role} is already the approver role. Choose another role.`;
  return undefined;
}

const DELEGATE = `
  UPDATE approvals a SET approver_role = $2, delegated_from = a.approver_role, approver_kind = $3
   WHERE a.id = $1 AND a.status = 'pending' AND a.delegated_from IS NULL AND a.expires_at > clock_timestamp()
  RETURNING ${APPROVAL_ROW}`;

import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { assertOrgRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { ApprovalChangesRepository } from './approval-changes.repository.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import type { ApprovalRow } from './approval-rows.sql.js';
import { DecisionMovesService } from './decision-moves.service.js';
import type { ApprovalDto } from './dto/approval.dto.js';
import type { DelegateApprovalDto } from './dto/delegate-approval.dto.js';

/** Delegates pending decisions to other roles: once, and never to the requester role. */
@Injectable()
export class DelegationsService {
  constructor(
    private readonly moves: DecisionMovesService,
    private readonly changes: ApprovalChangesRepository,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly environment: Environment,
  ) {}

  /**
   * Makes another role the approver role. The role becomes a participant in the task.
   *
   * @throws DomainError `approval.delegation_refused`, `approval.four_eyes`, or as {@link DecisionMovesService.move}
   */
  async delegate(
    agent: Agent,
    id: string,
    { role, reason }: DelegateApprovalDto,
  ): Promise<ApprovalDto> {
    assertOrgRole(role, this.environment.ROLES, '/role');
    return this.moves.move(agent, id, {
      action: 'approvals.delegate',
      event_type: 'approval_delegated',
      reason,
      targetOf: () => role,
      actingRoleOf: ({ approver_role }) => approver_role,
      assertAllowed: async (manager, current) => {
        assertDelegable(current, role);
        await this.exclusions.assertMayMove(manager, agent, current, role);
      },
      update: (manager, values, { approver_role }) =>
        this.changes.move(manager, { ...values, delegated_from: approver_role }),
    });
  }
}

function assertDelegable(approval: ApprovalRow, role: string): void {
  const refusal = delegationError(approval, role);
  if (refusal !== undefined) throw new DomainError('approval.delegation_refused', refusal);
}

function delegationError(
  { delegated_from, votes, approver_role }: ApprovalRow,
  role: string,
): string | undefined {
  if (delegated_from !== null)
    return 'The decision is delegated already. After a recall by the role that delegated, it can be delegated again.';
  if (votes > 0) return 'A subject has already voted, so the decision stays with its role.';
  if (role === approver_role) return `${role} is already the approver role. Choose another role.`;
  return undefined;
}

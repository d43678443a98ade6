import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { assertOrgRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { ApprovalChangesRepository } from './approval-changes.repository.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalVotesRepository } from './approval-votes.repository.js';
import { DecisionMovesService } from './decision-moves.service.js';
import type { ApprovalDto } from './dto/approval.dto.js';
import type { ReassignApprovalDto } from './dto/reassign-approval.dto.js';

/** Reassigns pending decisions to other roles, by an admin, if the approver role has no subject left. */
@Injectable()
export class ReassignmentsService {
  constructor(
    private readonly moves: DecisionMovesService,
    private readonly changes: ApprovalChangesRepository,
    private readonly votes: ApprovalVotesRepository,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly environment: Environment,
  ) {}

  /**
   * Makes another role the approver role. Votes of the previous role no longer count; the audit event lists them.
   *
   * @throws DomainError `approval.delegation_refused`, `approval.four_eyes`, or as {@link DecisionMovesService.move}
   */
  async reassign(
    agent: Agent,
    id: string,
    { role, reason }: ReassignApprovalDto,
  ): Promise<ApprovalDto> {
    assertOrgRole(role, this.environment.ROLES, '/role');
    return this.moves.move(agent, id, {
      action: 'approvals.reassign',
      event_type: 'approval_reassigned',
      reason,
      targetOf: () => role,
      actingRoleOf: () => 'admin',
      assertAllowed: async (manager, current) => {
        if (role === current.approver_role) {
          throw new DomainError(
            'approval.delegation_refused',
            `${role} is already the approver role. Choose another role.`,
          );
        }
        await this.exclusions.assertMayMove(manager, agent, current, role);
      },
      metadataOf: async (manager) => ({
        discarded_votes: await this.votes.listCounted(manager, id),
      }),
      update: (manager, values) =>
        this.changes.reassign(manager, { ...values, reassigned_by: agent.subject }),
    });
  }
}

import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { assertOrgRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { DomainError } from '../errors/domain-error.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { APPROVAL_ROW, type ApprovalRow, selectVotes } from './approval-rows.js';
import { requiredKind } from './approver-kind-rules.js';
import { DecisionMovesService } from './decision-moves.service.js';
import type { ApprovalDto } from './dto/approval.dto.js';
import type { ReassignApprovalDto } from './dto/reassign-approval.dto.js';
import { assertRoom } from './request-rules.js';

/** Reassigns pending decisions to other roles, by an admin, if the approver role has no subject left. */
@Injectable()
export class ReassignmentsService {
  constructor(
    private readonly moves: DecisionMovesService,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly environment: Environment,
  ) {}

  /**
   * Makes another role the approver role. Votes of the previous role no longer count; the audit event lists them.
   *
   * @throws DomainError `approval.delegation_refused`, `approval.four_eyes`, `approval.limit_reached`, or as
   *   {@link DecisionMovesService.move}
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
      update: async (manager, current) => {
        await assertRoom(manager, current.task_id, [role], 0);
        const kind = requiredKind({ ...current, approver_role: role }, this.environment);
        const discarded_votes = await selectVotes(manager, id);
        const parameters = [id, role, agent.subject, kind];
        const [approval] = await sql<ApprovalRow>(manager, REASSIGN, parameters);
        return { approval, metadata: { discarded_votes } };
      },
    });
  }
}

const REASSIGN = `
  UPDATE approvals a
     SET approver_role = $2, reassigned_from = a.approver_role, reassigned_by = $3,
         reassigned_at = clock_timestamp(), delegated_from = NULL, approver_kind = $4
   WHERE a.id = $1 AND a.status = 'pending' AND a.expires_at > clock_timestamp()
  RETURNING ${APPROVAL_ROW}`;

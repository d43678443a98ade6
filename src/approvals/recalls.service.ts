import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { DomainError } from '../errors/domain-error.js';
import { ApprovalChangesRepository } from './approval-changes.repository.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import type { ApprovalRow } from './approval-rows.sql.js';
import { DecisionMovesService } from './decision-moves.service.js';
import type { ApprovalDto } from './dto/approval.dto.js';

/** Recalls delegated decisions. */
@Injectable()
export class RecallsService {
  constructor(
    private readonly moves: DecisionMovesService,
    private readonly changes: ApprovalChangesRepository,
    private readonly exclusions: ApprovalExclusionsService,
  ) {}

  /**
   * Makes the role that delegated a decision its approver role again, until the first vote. It may delegate again.
   *
   * @throws DomainError `approval.recall_refused`, `approval.four_eyes`, or as {@link DecisionMovesService.move}
   */
  async recall(agent: Agent, id: string, reason: string | undefined): Promise<ApprovalDto> {
    return this.moves.move(agent, id, {
      action: 'approvals.recall',
      event_type: 'approval_recalled',
      reason,
      targetOf: delegatorOf,
      actingRoleOf: delegatorOf,
      assertAllowed: async (manager, { approver_role, votes }) => {
        if (votes > 0) {
          const refusal = `${approver_role} has already voted, so the decision stays with it.`;
          throw new DomainError('approval.recall_refused', refusal);
        }
        await this.exclusions.assertMayDecide(manager, agent, id);
      },
      update: (manager, values) => this.changes.move(manager, { ...values, delegated_from: null }),
    });
  }
}

/** Only the delegator is authorized to recall, so that there is one. */
function delegatorOf({ delegated_from }: ApprovalRow): string {
  return delegated_from ?? '';
}

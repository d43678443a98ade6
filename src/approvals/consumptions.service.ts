import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import type { LockedTask } from '../lifecycle/locked-task.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import type { Approval } from './approval.entity.js';
import { alreadyConsumed } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { authOf } from './approval-facts.js';
import { ApprovalConsumptionsRepository } from './approval-consumptions.repository.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { ConsumptionAccessService, requesterOf } from './consumption-access.service.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';

/** Consumes approvals: with the digest of the approved payload, once, and in time. */
@Injectable()
export class ConsumptionsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly reader: ApprovalsReaderService,
    private readonly approvals: ApprovalsRepository,
    private readonly consumptions: ApprovalConsumptionsRepository,
    private readonly access: ConsumptionAccessService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Consumes an approval in the latest attempt: by the holder of the task, or by the requester role while no agent
   * holds it.
   *
   * @param digest SHA-256 of the payload of the action that follows, in hexadecimal
   * @throws DomainError `approval.erased`, `approval.digest_mismatch`, `approval.not_approved`, `approval.consumed`, `approval.lapsed`,
   *   `approval.already_consumed` or `approval.not_held`
   */
  async consume(agent: Agent, id: string, digest: string): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: seen, task: facts } = await this.reader.getWithTask(manager, agent, id);
      const task = await this.taskStates.lockWithAttempt(manager, facts.task_id);
      await this.access.assertMayConsume(manager, agent, seen, task);
      const consumed = await this.consumptions.consume(manager, {
        id,
        digest,
        consumed_by: agent.subject,
        session_id: task.session_id,
        is_held: task.status === 'active',
      });
      if (!consumed) throw await this.consumeError(manager, id, digest);
      const by = { role: roleOf(consumed, task), subject: agent.subject };
      const { consumed_attempt: attempt, repeat, consumed_at, consumed_session_id } = consumed;
      const token = authOf(agent);
      const metadata = { attempt, repeat, digest, consumed_at, consumed_session_id, ...token };
      this.audit.record(manager, approvalEvent('approval_consumed', consumed, task, by, metadata));
      return consumed;
    });
    return toApprovalDto(approval);
  }

  private async consumeError(
    manager: EntityManager,
    id: string,
    digest: string,
  ): Promise<DomainError> {
    const approval = await this.approvals.lock(manager, id);
    const { status, consume_until, consumed_by, consumed_at } = approval;
    if (approval.digest !== null && approval.digest !== digest) {
      return new DomainError(
        'approval.digest_mismatch',
        'The digest differs from that of the approved payload. Compare your payload with GET /approvals/{id}. For another action, request an approval.',
      );
    }
    if (status !== 'approved') {
      return new DomainError(
        'approval.not_approved',
        `The approval is ${status}. Only an approved approval can be consumed.`,
      );
    }
    if (consumed_by !== null) {
      const at = consumed_at?.toISOString() ?? '';
      return new DomainError(
        'approval.consumed',
        `The approval was consumed by ${consumed_by} at ${at}. To repeat the action, request an approval with repeat true and a reason.`,
      );
    }
    if (approval.payload === null && consume_until !== null) {
      return new DomainError(
        'approval.erased',
        'The payload of the approval was erased, so it cannot be consumed. Request a new approval.',
      );
    }
    if (consume_until === null) {
      return new DomainError(
        'approval.not_approved',
        'The approval is not of the last stage. Consume the approval of the last stage when it is approved.',
      );
    }
    const other = await this.approvals.findConsumed(manager, approval.task_id, digest, id);
    if (other && !approval.repeat && !(await this.consumptions.isPastConsumeUntil(manager, id)))
      return alreadyConsumed(other);
    return new DomainError(
      'approval.lapsed',
      `The approval could be consumed until ${consume_until.toISOString()}. Request a new approval.`,
    );
  }
}

function roleOf(approval: Approval, task: LockedTask): string {
  return task.status === 'active' ? task.to_role : requesterOf(approval, task);
}

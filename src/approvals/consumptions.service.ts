import { Injectable } from '@nestjs/common';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize, type Relation } from '../auth/policy.js';
import { sql } from '../database/sql.js';
import { Transactions } from '../database/transactions.js';
import { DomainError } from '../errors/domain-error.js';
import { lockOpenTask, type LockedTask } from '../lifecycle/task-lock.js';
import { taskRelations } from '../lifecycle/task-facts.js';
import type { Approval } from './approval.entity.js';
import { approvalNotFound } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { APPROVAL_ROW, type ApprovalRow, lockApproval } from './approval-rows.js';
import { ApprovalsReader } from './approvals-reader.service.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';

/** Lets what was approved be used: exactly that, once, and in time. */
@Injectable()
export class Consumptions {
  constructor(
    private readonly transactions: Transactions,
    private readonly reader: ApprovalsReader,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Uses up what was approved, for whoever holds the task; while nobody does, for the role that asked.
   *
   * @param digest of what is about to be done, as the approval states that of its payload
   * @throws DomainError `approval.digest_mismatch`, `approval.not_approved`, `approval.consumed` or `approval.lapsed`
   */
  async consume(agent: Agent, id: string, digest: string): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: seen, task: facts } = await this.reader.getWithTask(manager, agent, id);
      const task = await lockOpenTask(manager, facts.task_id);
      authorize('approvals.consume', userRelations(agent, seen, task), approvalNotFound);
      await this.exclusions.assertMayConsume(manager, agent, seen, task);
      const [consumed] = await sql<ApprovalRow>(manager, CONSUME, [id, digest, agent.subject]);
      if (!consumed) throw refusalOf(await lockApproval(manager, id), digest);
      const by = { role: roleOf(consumed, task), subject: agent.subject };
      this.audit.record(manager, approvalEvent('approval_consumed', consumed, task, by));
      return consumed;
    });
    return toApprovalDto(approval);
  }
}

const CONSUME = `
  UPDATE approvals a SET consumed_at = clock_timestamp(), consumed_by = $3
   WHERE a.id = $1 AND a.status = 'approved' AND a.digest = $2
     AND a.consumed_at IS NULL AND a.consume_until > clock_timestamp()
  RETURNING ${APPROVAL_ROW}`;

function userRelations(agent: Agent, approval: Approval, task: LockedTask): Relation[] {
  const relations = taskRelations(agent, task);
  if (task.status === 'active') {
    if (task.claimed_by === agent.subject) relations.push('claimant');
  } else if (agent.roles.includes(askerOf(approval, task))) relations.push('asker');
  return relations;
}

/** Where nobody asked in so many words, routing was the ask. */
function askerOf({ requested_role }: Approval, { from_role }: LockedTask): string {
  return requested_role ?? from_role;
}

function roleOf(approval: Approval, task: LockedTask): string {
  return task.status === 'active' ? task.to_role : askerOf(approval, task);
}

function refusalOf(approval: ApprovalRow, digest: string): DomainError {
  const { status, consume_until, consumed_by, consumed_at } = approval;
  if (approval.digest !== null && approval.digest !== digest) {
    return new DomainError(
      'approval.digest_mismatch',
      'The digest is not that of what was approved; see the approval’s payload.',
    );
  }
  if (status !== 'approved') {
    return new DomainError('approval.not_approved', `The approval is ${status}.`);
  }
  if (consumed_by !== null) {
    const at = consumed_at?.toISOString() ?? '';
    return new DomainError('approval.consumed', `It was used by ${consumed_by} at ${at}.`);
  }
  if (consume_until === null) {
    return new DomainError('approval.not_approved', 'A later stage has to approve it as well.');
  }
  return new DomainError(
    'approval.lapsed',
    `It could be used until ${consume_until.toISOString()}.`,
  );
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { sql } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { type LockedTask, lockPresentAttempt } from '../lifecycle/task-lock.js';
import { taskRelations } from '../lifecycle/task-summary.js';
import type { Approval } from './approval.entity.js';
import { alreadyConsumed, approvalNotFound, notHeld } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { findConsumed } from './request-rules.js';
import { APPROVAL_ROW, type ApprovalRow, lockApproval } from './approval-rows.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';

/** Lets what was approved be used: exactly that, once, and in time. */
@Injectable()
export class ConsumptionsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly reader: ApprovalsReaderService,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Consumes an approval for the present attempt: by its holder; while nobody holds the task, by the role that asked.
   *
   * @param digest of the act that follows, as the approval states that of its payload
   * @throws DomainError `approval.digest_mismatch`, `approval.not_approved`, `approval.consumed`, `approval.lapsed`,
   *   `approval.already_consumed` or `approval.not_held`
   */
  async consume(agent: Agent, id: string, digest: string): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: seen, task: facts } = await this.reader.getWithTask(manager, agent, id);
      const task = await lockPresentAttempt(manager, facts.task_id);
      await assertPresentAttempt(manager, agent, seen, task);
      await this.exclusions.assertMayConsume(manager, agent, seen, task);
      const isHeld = task.status === 'active';
      const parameters = [id, digest, agent.subject, task.session_id, isHeld];
      const [consumed] = await sql<ApprovalRow>(manager, CONSUME, parameters);
      if (!consumed) throw await consumeError(manager, id, digest);
      const by = { role: roleOf(consumed, task), subject: agent.subject };
      const metadata = { attempt: consumed.consumed_attempt, repeat: consumed.repeat };
      this.audit.record(manager, approvalEvent('approval_consumed', consumed, task, by, metadata));
      return consumed;
    });
    return toApprovalDto(approval);
  }
}

/**
 * One consumption for one payload, unless it was asked as a repetition. In one attempt, its agent may consume chains with
 * other roles for it as well: each role has allowed the same act. Only the holder of an attempt consumes in its session.
 */
const CONSUME = `
  UPDATE approvals a
     SET consumed_at = clock_timestamp(), consumed_by = $3,
         consumed_session_id = CASE WHEN $5::boolean THEN s.id END, consumed_attempt = s.attempt
    FROM sessions s
   WHERE s.id = $4 AND a.id = $1 AND a.status = 'approved' AND a.digest = $2
     AND a.consumed_at IS NULL AND a.consume_until > clock_timestamp()
     AND (a.repeat OR NOT EXISTS (
       SELECT 1 FROM approvals o
        WHERE o.task_id = a.task_id AND o.digest = a.digest AND o.id <> a.id AND o.consumed_at IS NOT NULL
          AND (o.consumed_attempt IS DISTINCT FROM s.attempt OR o.consumed_by <> $3
               OR (o.stages @> a.stages AND o.stages <@ a.stages))))
  RETURNING ${APPROVAL_ROW}`;

/**
 * Refuses a subject that has no part in the present attempt.
 *
 * @throws DomainError `auth.forbidden`, `approval.not_found`, or `approval.not_held` where it could claim the task
 */
async function assertPresentAttempt(
  manager: EntityManager,
  agent: Agent,
  approval: Approval,
  task: LockedTask,
): Promise<void> {
  const relations = taskRelations(agent, task);
  if (task.status === 'active') {
    if (task.claimed_by === agent.subject) relations.push('claimant');
    authorize('approvals.consume', relations, approvalNotFound);
    return;
  }
  const requester = requesterOf(approval, task);
  const isRequester = agent.roles.includes(requester);
  if (!isRequester && agent.roles.includes(task.to_role)) throw notHeld();
  if (isRequester) relations.push('requester');
  authorize('approvals.consume', relations, approvalNotFound);
  if (requester === task.to_role || (await hasHeld(manager, agent, task))) throw notHeld();
}

/** Whether the subject held an attempt of the task. */
async function hasHeld(
  manager: EntityManager,
  { subject }: Agent,
  { task_id }: LockedTask,
): Promise<boolean> {
  const held = await sql(
    manager,
    `SELECT 1 FROM sessions WHERE task_id = $1 AND attempt IS NOT NULL AND claimed_by = $2 LIMIT 1`,
    [task_id, subject],
  );
  return held.length > 0;
}

/** Where nobody asked in so many words, routing was the ask. */
function requesterOf({ requested_role }: Approval, { from_role }: LockedTask): string {
  return requested_role ?? from_role;
}

function roleOf(approval: Approval, task: LockedTask): string {
  return task.status === 'active' ? task.to_role : requesterOf(approval, task);
}

async function consumeError(
  manager: EntityManager,
  id: string,
  digest: string,
): Promise<DomainError> {
  const approval = await lockApproval(manager, id);
  const { status, consume_until, consumed_by, consumed_at } = approval;
  if (approval.digest !== null && approval.digest !== digest) {
    return new DomainError(
      'approval.digest_mismatch',
      'The digest does not match the approved payload; see the approval’s payload.',
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
  const other = await findConsumed(manager, approval.task_id, digest, id);
  if (other && !approval.repeat && !(await isLapsed(manager, id))) return alreadyConsumed(other);
  return new DomainError(
    'approval.lapsed',
    `It could be used until ${consume_until.toISOString()}.`,
  );
}

async function isLapsed(manager: EntityManager, id: string): Promise<boolean> {
  const rows = await sql(
    manager,
    `SELECT 1 FROM approvals WHERE id = $1 AND consume_until <= clock_timestamp()`,
    [id],
  );
  return rows.length > 0;
}

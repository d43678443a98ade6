import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize, permits } from '../auth/policy.js';
import { sql } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError } from '../errors/domain-error.js';
import { type LockedTask, lockTaskAndAttempt } from '../lifecycle/task-lock.js';
import { taskRelations } from '../lifecycle/task-summary.js';
import type { Approval } from './approval.entity.js';
import { alreadyConsumed, approvalNotFound, heldByAnother, notHeld } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { findConsumed } from './request-rules.js';
import { APPROVAL_ROW, type ApprovalRow, lockApproval } from './approval-rows.js';
import { ApprovalsReaderService } from './approvals-reader.service.js';
import { type ApprovalDto, toApprovalDto } from './dto/approval.dto.js';

/** Consumes approvals: with the digest of the approved payload, once, and in time. */
@Injectable()
export class ConsumptionsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly reader: ApprovalsReaderService,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Consumes an approval in the latest attempt: by the holder of the task, or by the requester role while no agent
   * holds it.
   *
   * @param digest SHA-256 of the payload of the action that follows, in hexadecimal
   * @throws DomainError `approval.digest_mismatch`, `approval.not_approved`, `approval.consumed`, `approval.lapsed`,
   *   `approval.already_consumed` or `approval.not_held`
   */
  async consume(agent: Agent, id: string, digest: string): Promise<ApprovalDto> {
    const approval = await this.transactions.run(async (manager) => {
      const { approval: seen, task: facts } = await this.reader.getWithTask(manager, agent, id);
      const task = await lockTaskAndAttempt(manager, facts.task_id);
      await assertConsumer(manager, agent, seen, task);
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
 * A payload is consumed once, unless a repetition was requested. Within one attempt, the same agent may also consume
 * approvals of other roles for the payload: each role approved the same action. The session is stored only if the
 * attempt is held.
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
 * Asserts that the agent may consume in the latest attempt.
 *
 * @throws DomainError `auth.forbidden`, `approval.not_found`, or `approval.not_held` if the agent can claim the task
 */
async function assertConsumer(
  manager: EntityManager,
  agent: Agent,
  approval: Approval,
  task: LockedTask,
): Promise<void> {
  const relations = taskRelations(agent, task);
  if (task.status === 'active') {
    if (task.claimed_by === agent.subject) relations.push('claimant');
    else if (permits('approvals.read', relations)) throw heldByAnother();
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

/** Returns whether the subject holds or held an attempt of the task. */
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

/** Returns the requester role. Without a request, it is the role that routed the task. */
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
  if (consume_until === null) {
    return new DomainError(
      'approval.not_approved',
      'The approval is not of the last stage. Consume the approval of the last stage when it is approved.',
    );
  }
  const other = await findConsumed(manager, approval.task_id, digest, id);
  if (other && !approval.repeat && !(await isPastConsumeUntil(manager, id)))
    return alreadyConsumed(other);
  return new DomainError(
    'approval.lapsed',
    `The approval could be consumed until ${consume_until.toISOString()}. Request a new approval.`,
  );
}

async function isPastConsumeUntil(manager: EntityManager, id: string): Promise<boolean> {
  const rows = await sql(
    manager,
    `SELECT 1 FROM approvals WHERE id = $1 AND consume_until <= clock_timestamp()`,
    [id],
  );
  return rows.length > 0;
}

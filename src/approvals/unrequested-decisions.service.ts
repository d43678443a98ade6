import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { newId } from '../common/new-id.js';
import { Environment } from '../config/environment.js';
import { canonicalDigest } from '../http/canonical-json.js';
import type { LockedTask } from '../lifecycle/locked-task.js';
import { ApprovalChangesRepository } from './approval-changes.repository.js';
import { alreadyEnded } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { authOf, contentOf, decisionFacts, requestFacts } from './approval-facts.js';
import { ApprovalExpiryService } from './approval-expiry.service.js';
import type { ApprovalRow } from './approval-rows.sql.js';
import { ApprovalVotesRepository } from './approval-votes.repository.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { ApproverChecksService } from './approver-checks.service.js';
import { assertRoom } from './request-rules.js';
import { CONSUME_SECONDS, type Verdict } from './verdict.js';

/** Decides tasks for their assignee role without a request: routing the task to the role was the request. */
@Injectable()
export class UnrequestedDecisionsService {
  constructor(
    private readonly approvals: ApprovalsRepository,
    private readonly changes: ApprovalChangesRepository,
    private readonly votes: ApprovalVotesRepository,
    private readonly expiry: ApprovalExpiryService,
    private readonly checks: ApproverChecksService,
    private readonly audit: AuditService,
    private readonly environment: Environment,
  ) {}

  /** Returns whether the assignee role of the task can decide without a request. The caller holds the lock of the task. */
  async isOpen(manager: EntityManager, { task_id, to_role }: LockedTask): Promise<boolean> {
    return !(await this.approvals.isRequestedOrDecided(manager, task_id, to_role));
  }

  /** Decides the task. The caller holds the lock of the task, and is authorized to decide for its assignee role. */
  async decide(
    manager: EntityManager,
    agent: Agent,
    task: LockedTask,
    reason: string,
    { decision, notes }: Verdict,
  ): Promise<ApprovalRow> {
    const { task_id, to_role: approver_role } = task;
    const { subject, kind } = agent;
    const payload = { ...task.subject };
    const digest = canonicalDigest(payload).toString('hex');
    const approver_kind = await this.checks.assertMayDecideUnrequested(
      manager,
      agent,
      task,
      digest,
    );
    assertRoom(await this.approvals.countOfTask(manager, task_id, [approver_role]), 1);
    await this.expiry.expireOf(manager, task_id);
    const decided = await this.changes.insertDecided(manager, {
      id: newId(),
      task_id,
      approver_role,
      approver_kind,
      status: decision,
      decided_by: subject,
      decided_by_kind: kind,
      reason,
      notes,
      payload,
      digest,
      consume_seconds: CONSUME_SECONDS,
    });
    if (!decided) {
      throw alreadyEnded(await this.approvals.getLatest(manager, task_id, approver_role));
    }
    const { id: approval_id, chain_id } = decided;
    const vote = { approval_id, chain_id, subject, decision, notes, kind };
    const cast = await this.votes.cast(manager, vote);
    const by = { role: approver_role, subject };
    const facts = {
      ...{ decision, votes: 1, kind },
      ...requestFacts(decided, this.environment.APPROVALS_FOUR_EYES),
      ...decisionFacts(decided),
      ...authOf(agent),
    };
    this.audit.record(manager, {
      ...approvalEvent('approval_decided', decided, task, by, facts),
      content: contentOf(decided),
      at: cast?.at,
    });
    return decided;
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { Environment } from '../config/environment.js';
import { ParkedTasksService } from '../lifecycle/parked-tasks.service.js';
import type { LockedTask } from '../lifecycle/task-lock.js';
import { SubjectRolesService } from '../subjects/subject-roles.service.js';
import { alreadyEnded, alreadyVoted, approvalNotFound } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import { type ApprovalRow, lockApproval } from './approval-rows.js';
import type { Decision } from './approval-status.js';
import { assertKind, requiredKind } from './approver-kind-rules.js';
import { insertVote, endApproval } from './approval-writes.js';
import { approvalRelations } from './approvals-reader.service.js';

/** Time to consume an approved approval, in seconds: 24 hours. */
export const CONSUME_SECONDS = 24 * 60 * 60;

/** The decision of an approver and its comments. */
export interface Verdict {
  decision: Decision;
  notes: string;
}

/** Records votes. An approval is decided when its quorum has approved, or at the first rejection. */
@Injectable()
export class VotesService {
  constructor(
    private readonly requests: ApprovalRequestsService,
    private readonly parked: ParkedTasksService,
    private readonly audit: AuditService,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly subjects: SubjectRolesService,
    private readonly environment: Environment,
  ) {}

  /** Votes on an approval. The caller holds the lock of its task. */
  async vote(
    manager: EntityManager,
    agent: Agent,
    task: LockedTask,
    id: string,
    { decision, notes }: Verdict,
  ): Promise<ApprovalRow> {
    const approval = await lockApproval(manager, id);
    authorize('approvals.decide', approvalRelations(agent, approval, task), approvalNotFound);
    if (approval.status !== 'pending') throw alreadyEnded(approval);
    await Promise.all([
      this.subjects.assertStillHeld(manager, agent, approval.approver_role),
      this.exclusions.assertMayDecide(manager, agent, id),
    ]);
    assertKind(agent, requiredKind(approval, this.environment), this.environment);
    const counted = await insertVote(manager, approval, {
      decision,
      ...agent,
      notes,
    });
    if (counted === undefined) throw alreadyVoted();
    const { votes, ...change } = counted;
    if (decision === 'approved' && votes < approval.quorum) {
      this.record(manager, agent, 'approval_voted', approval, task, { decision, votes });
      return { ...approval, votes };
    }
    return this.applyDecision(manager, agent, task, approval, { decision, notes }, change);
  }

  private async applyDecision(
    manager: EntityManager,
    agent: Agent,
    task: LockedTask,
    { id, created_at, stage, stages }: ApprovalRow,
    { decision, notes }: Verdict,
    change: { changed_from?: Decision },
  ): Promise<ApprovalRow> {
    const isLast = stage === stages.length;
    const ended = await endApproval(manager, id, {
      status: decision,
      decided_by: agent.subject,
      decided_by_kind: agent.kind,
      notes,
      ...(decision === 'approved' && isLast && { consume_seconds: CONSUME_SECONDS }),
    });
    if (!ended) throw alreadyEnded(await lockApproval(manager, id));
    const pending_seconds = ((ended.decision_at?.getTime() ?? 0) - created_at.getTime()) / 1000;
    this.record(manager, agent, 'approval_decided', ended, task, {
      decision,
      votes: ended.votes,
      pending_seconds,
      ...change,
    });
    const next =
      decision === 'approved' && !isLast
        ? await this.requests.createNextStage(manager, task, ended)
        : undefined;
    await this.parked.follow(manager, task, ended, next?.expires_at ?? null, {
      role: ended.approver_role,
      subject: agent.subject,
    });
    return ended;
  }

  private record(
    manager: EntityManager,
    agent: Agent,
    event_type: 'approval_voted' | 'approval_decided',
    approval: ApprovalRow,
    task: LockedTask,
    metadata: Record<string, unknown>,
  ): void {
    const by = { role: approval.approver_role, subject: agent.subject };
    this.audit.record(
      manager,
      approvalEvent(event_type, approval, task, by, { ...metadata, kind: agent.kind }),
    );
  }
}

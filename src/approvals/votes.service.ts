import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { ParkedTasksService } from '../lifecycle/parked-tasks.service.js';
import type { LockedTask } from '../lifecycle/locked-task.js';
import { alreadyEnded, alreadyVoted, approvalNotFound, payloadChanged } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { authOf, contentOf, decisionFacts } from './approval-facts.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import type { ApprovalRow } from './approval-rows.sql.js';
import { ApprovalChangesRepository } from './approval-changes.repository.js';
import { ApprovalVotesRepository, type CastVote } from './approval-votes.repository.js';
import { ApprovalsRepository } from './approvals.repository.js';
import { ApproverChecksService } from './approver-checks.service.js';
import { CONSUME_SECONDS, type Verdict } from './verdict.js';
import { approvalRelations } from './approvals-reader.service.js';

/** Records votes. An approval is decided when its quorum has approved, or at the first rejection. */
@Injectable()
export class VotesService {
  constructor(
    private readonly approvals: ApprovalsRepository,
    private readonly changes: ApprovalChangesRepository,
    private readonly votes: ApprovalVotesRepository,
    private readonly requests: ApprovalRequestsService,
    private readonly parked: ParkedTasksService,
    private readonly audit: AuditService,
    private readonly checks: ApproverChecksService,
  ) {}

  /** Votes on an approval. The caller holds the lock of its task. */
  async vote(
    manager: EntityManager,
    agent: Agent,
    task: LockedTask,
    id: string,
    { decision, notes, digest }: Verdict,
  ): Promise<ApprovalRow> {
    const approval = await this.approvals.lock(manager, id);
    authorize('approvals.decide', approvalRelations(agent, approval, task), approvalNotFound);
    if (approval.status !== 'pending') throw alreadyEnded(approval);
    if (digest !== undefined && digest !== approval.digest) throw payloadChanged();
    await this.checks.assertMayVote(manager, agent, approval);
    const { subject, kind } = agent;
    const { chain_id } = approval;
    const vote = { approval_id: id, chain_id, subject, decision, notes, kind };
    const counted = await this.votes.cast(manager, vote);
    if (counted === undefined) throw alreadyVoted();
    const { votes } = counted;
    if (decision === 'approved' && votes < approval.quorum) {
      this.record(manager, agent, counted, {
        event_type: 'approval_voted',
        approval,
        task,
        facts: { decision, votes, digest: approval.digest },
        content: { notes },
      });
      return { ...approval, votes };
    }
    return this.applyDecision(manager, agent, task, approval, { decision, notes }, counted);
  }

  private async applyDecision(
    manager: EntityManager,
    agent: Agent,
    task: LockedTask,
    { id, created_at, stage, stages }: ApprovalRow,
    { decision, notes }: Verdict,
    counted: CastVote,
  ): Promise<ApprovalRow> {
    const isLast = stage === stages.length;
    const ended = await this.changes.end(manager, {
      id,
      status: decision,
      decided_by: agent.subject,
      decided_by_kind: agent.kind,
      notes,
      ...(decision === 'approved' && isLast && { consume_seconds: CONSUME_SECONDS }),
    });
    if (!ended) throw alreadyEnded(await this.approvals.lock(manager, id));
    const pending_seconds = ((ended.decision_at?.getTime() ?? 0) - created_at.getTime()) / 1000;
    this.record(manager, agent, counted, {
      event_type: 'approval_decided',
      approval: ended,
      task,
      facts: { decision, votes: ended.votes, pending_seconds, ...decisionFacts(ended) },
      content: contentOf(ended),
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

  /** Records a vote. Its event has the time of the stored vote. */
  private record(
    manager: EntityManager,
    agent: Agent,
    { at, changed_from, renewed }: CastVote,
    { event_type, approval, task, facts, content }: RecordedVote,
  ): void {
    const { chain_id, approver_role: role } = approval;
    const by = { role, subject: agent.subject };
    const of = { chain_id, kind: agent.kind, changed_from, renewed, ...authOf(agent) };
    const event = approvalEvent(event_type, approval, task, by, { ...facts, ...of });
    this.audit.record(manager, { ...event, content, at });
  }
}

/** A vote and its result, for the audit log. */
interface RecordedVote {
  event_type: 'approval_voted' | 'approval_decided';
  approval: ApprovalRow;
  task: LockedTask;
  facts: Record<string, unknown>;
  content: object;
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import { Environment } from '../config/environment.js';
import { canonicalDigest } from '../http/canonical-json.js';
import type { LockedTask } from '../lifecycle/locked-task.js';
import { newId } from '../common/new-id.js';
import type { Approval } from './approval.entity.js';
import { contentOf, requestFacts } from './approval-facts.js';
import { alreadyConsumed, alreadyPending } from './approval-errors.js';
import { DEFAULT_EXPIRY_SECONDS } from './approval-limits.js';
import { assertRoom } from './request-rules.js';
import type { ApproverKind } from './approver-kind.js';
import { requiredKind } from './approver-kind-rules.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalExpiryService } from './approval-expiry.service.js';
import { ApprovalChangesRepository, type NewApproval } from './approval-changes.repository.js';
import type { ApprovalRow } from './approval-rows.sql.js';
import { ApprovalsRepository } from './approvals.repository.js';

/** A request for an approval. */
export interface NewRequest {
  stages: string[];
  quorum: number;
  reason: string;
  expires_in_seconds: number;
  /** The payload to approve. Default: the task itself. */
  payload?: Record<string, unknown> | undefined;
  supersedes?: string;
  /** The requester role, if the actor does not act for it: an admin can retry a task. */
  requested_role?: string;
  /** Default: any. */
  approver_kind?: ApproverKind | undefined;
  /**
   * Whether the action may be repeated after an approval of the same payload was consumed. `if_consumed`: it is a
   * repetition only if one was consumed.
   */
  repeat?: boolean | 'if_consumed';
}

/** Creates pending approvals: requested by an agent, requested by routing a task, and the next stage of either. */
@Injectable()
export class ApprovalRequestsService {
  constructor(
    private readonly approvals: ApprovalsRepository,
    private readonly changes: ApprovalChangesRepository,
    private readonly audit: AuditService,
    private readonly expiry: ApprovalExpiryService,
    private readonly exclusions: ApprovalExclusionsService,
    private readonly environment: Environment,
  ) {}

  /**
   * Creates the approval of the first stage. The caller holds the lock of the task.
   *
   * @throws DomainError `approval.pending_exists`, `approval.already_consumed`, `approval.limit_reached`, or
   *   `approval.four_eyes` if the requester role is an approver role
   */
  async create(
    manager: EntityManager,
    task: LockedTask,
    {
      stages,
      supersedes,
      approver_kind: requested_kind = 'any',
      payload = { ...task.subject },
      ...ask
    }: NewRequest,
    by: Actor,
  ): Promise<ApprovalRow> {
    const { requested_role = by.role } = ask;
    this.exclusions.assertOtherRole(requested_role, stages);
    const id = newId();
    const digest = canonicalDigest(payload).toString('hex');
    const [consumed, counts] = await Promise.all([
      this.approvals.findConsumed(manager, task.task_id, digest),
      this.approvals.countOfTask(manager, task.task_id, stages),
    ]);
    assertRoom(counts, stages.length);
    if (consumed && (ask.repeat ?? false) === false) throw alreadyConsumed(consumed);
    return this.insert(
      manager,
      task,
      {
        ...ask,
        id,
        task_id: task.task_id,
        approver_role: stages[0] ?? '',
        requested_by: by.subject,
        requested_role,
        payload,
        digest,
        requested_kind,
        repeat: ask.repeat === true || (ask.repeat === 'if_consumed' && consumed !== undefined),
        chain_id: id,
        stage: 1,
        stages,
        supersedes: supersedes ?? null,
      },
      by,
    );
  }

  /** Creates the approval of the next stage, with the same time to decide as the approved one. */
  async createNextStage(
    manager: EntityManager,
    task: LockedTask,
    approved: Approval,
  ): Promise<ApprovalRow> {
    const { stage, requested_by, requested_role, payload, digest } = approved;
    if (requested_by === null || requested_role === null || payload === null || digest === null) {
      throw new Error('An approval without a requester cannot have a next stage');
    }
    return this.insert(
      manager,
      task,
      {
        id: newId(),
        task_id: approved.task_id,
        approver_role: approved.stages[stage] ?? '',
        requested_by,
        requested_role,
        reason: approved.reason,
        payload,
        digest,
        quorum: approved.quorum,
        chain_id: approved.chain_id,
        stage: stage + 1,
        stages: approved.stages,
        supersedes: null,
        expires_in_seconds: requestedSeconds(approved),
        requested_kind: approved.requested_kind,
        repeat: approved.repeat,
      },
      { role: requested_role, subject: requested_by },
    );
  }

  /**
   * Asserts that the role has no pending approval of the task in the same stage, before an approval is moved to it.
   *
   * @throws DomainError `approval.pending_exists`
   */
  async assertNonePending(
    manager: EntityManager,
    { task_id, stage }: Approval,
    role: string,
  ): Promise<void> {
    await this.expiry.expireOf(manager, task_id);
    const pending = await this.approvals.listPending(manager, task_id, [role]);
    const inTheWay = pending.filter((other) => other.stage === stage);
    if (inTheWay.length > 0) throw alreadyPending(inTheWay);
  }

  private async insert(
    manager: EntityManager,
    task: LockedTask,
    approval: Omit<NewApproval, 'approver_kind'>,
    by: Actor,
  ): Promise<ApprovalRow> {
    // An overdue approval would violate the unique index of pending approvals.
    await this.expiry.expireOf(manager, task.task_id);
    const approver_kind = requiredKind(
      { ...approval, approver_kind: approval.requested_kind },
      this.environment,
    );
    const inserted = await this.changes.insertPending(manager, { ...approval, approver_kind });
    if (!inserted) {
      const pending = await this.approvals.listPending(manager, task.task_id, [
        approval.approver_role,
      ]);
      throw alreadyPending(pending.filter(({ stage }) => stage === approval.stage));
    }
    const { supersedes, repeat, requested_role, requested_kind } = inserted;
    const { expires_in_seconds, expires_at } = inserted;
    const metadata = {
      ...requestFacts(inserted, this.environment.APPROVALS_FOUR_EYES),
      ...{ requested_role, requested_kind, expires_in_seconds, expires_at },
      ...(repeat && { repeat }),
      ...(supersedes !== null && { supersedes }),
    };
    this.audit.record(manager, {
      ...approvalEvent('approval_requested', inserted, task, by, metadata),
      content: contentOf(inserted),
    });
    return inserted;
  }
}

/** Returns the requested time to decide, in seconds. No deadline shortened approvals older than the column. */
export function requestedSeconds({
  expires_in_seconds,
  expires_at,
  created_at,
}: Pick<Approval, 'expires_in_seconds' | 'expires_at' | 'created_at'>): number {
  if (expires_in_seconds !== null) return expires_in_seconds;
  if (expires_at === null) return DEFAULT_EXPIRY_SECONDS;
  return Math.round((expires_at.getTime() - created_at.getTime()) / 1000);
}

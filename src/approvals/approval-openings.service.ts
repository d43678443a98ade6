import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import { canonicalDigest } from '../http/canonical-json.js';
import type { LockedTask } from '../lifecycle/task-lock.js';
import { newId } from '../observability/new-id.js';
import type { Approval } from './approval.entity.js';
import { alreadyPending } from './approval-errors.js';
import { approvalEvent } from './approval-events.js';
import { ApprovalExclusionsService } from './approval-exclusions.service.js';
import { ApprovalExpiry } from './approval-expiry.service.js';
import { type ApprovalRow, selectPending } from './approval-rows.js';
import { insertPending, type NewApproval } from './approval-writes.js';

/** What is asked, of the first of its stages. */
export interface Ask {
  stages: string[];
  quorum: number;
  reason: string;
  expires_in_seconds: number;
  /** What is to be approved; where it is not given, the task itself. */
  payload?: Record<string, unknown> | undefined;
  supersedes?: string;
  /** The role that asks, where the actor does not act for it: an admin that retries a task. */
  requested_role?: string;
}

/** Opens approvals: what an agent asks, what routing asks along with a task, and the next stage of either. */
@Injectable()
export class ApprovalOpenings {
  constructor(
    private readonly audit: AuditService,
    private readonly expiry: ApprovalExpiry,
    private readonly exclusions: ApprovalExclusionsService,
  ) {}

  /**
   * Asks the role of the first stage. The caller holds the task's lock.
   *
   * @throws DomainError `approval.pending_exists`, or `approval.four_eyes` where the role that asks is to decide
   */
  async open(
    manager: EntityManager,
    task: LockedTask,
    { stages, supersedes, payload = { ...task.subject }, ...ask }: Ask,
    by: Actor,
  ): Promise<ApprovalRow> {
    const { requested_role = by.role } = ask;
    this.exclusions.assertOtherRole(requested_role, stages);
    const id = newId();
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
        digest: canonicalDigest(payload).toString('hex'),
        chain_id: id,
        stage: 1,
        stages,
        supersedes: supersedes ?? null,
      },
      by,
    );
  }

  /** Asks the role of the stage after one that was approved, for as long as that was asked. */
  async openNext(
    manager: EntityManager,
    task: LockedTask,
    { stage, ...approved }: Approval,
  ): Promise<ApprovalRow> {
    const { requested_by, requested_role, payload, digest, expires_at, created_at } = approved;
    if (requested_by === null || requested_role === null || payload === null || digest === null) {
      throw new Error('only what was asked for has more than one stage');
    }
    const length = (expires_at?.getTime() ?? 0) - created_at.getTime();
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
        expires_in_seconds: length / 1000,
      },
      { role: requested_role, subject: requested_by },
    );
  }

  /**
   * Refuses to move a pending approval to a role that is asked about the task in the same stage.
   *
   * @throws DomainError `approval.pending_exists`
   */
  async assertNotAsked(
    manager: EntityManager,
    { task_id, stage }: Approval,
    role: string,
  ): Promise<void> {
    await this.expiry.expireOf(manager, task_id);
    const pending = await selectPending(manager, task_id, [role]);
    const inTheWay = pending.filter((other) => other.stage === stage);
    if (inTheWay.length > 0) throw alreadyPending(inTheWay);
  }

  private async insert(
    manager: EntityManager,
    task: LockedTask,
    approval: NewApproval,
    by: Actor,
  ): Promise<ApprovalRow> {
    // What is too late to decide is not to be in the way.
    await this.expiry.expireOf(manager, task.task_id);
    const inserted = await insertPending(manager, approval);
    if (!inserted) {
      const pending = await selectPending(manager, task.task_id, [approval.approver_role]);
      throw alreadyPending(pending.filter(({ stage }) => stage === approval.stage));
    }
    const { stage, quorum, supersedes } = inserted;
    const metadata = { stage, quorum, ...(supersedes !== null && { supersedes }) };
    this.audit.record(manager, approvalEvent('approval_requested', inserted, task, by, metadata));
    return inserted;
  }
}

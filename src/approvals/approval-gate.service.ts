import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { DomainError } from '../errors/domain-error.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import type { EndedTask } from '../lifecycle/task-end.js';
import { lockEndingTask, type RequiredApproval } from '../lifecycle/task-lock.js';
import type { Approval } from './approval.entity.js';
import { approvalEvent } from './approval-events.js';

/** Stands where tasks end: none is completed without the approval that it requires, none leaves anything pending. */
@Injectable()
export class ApprovalGate implements OnModuleInit {
  constructor(
    private readonly lifecycle: LifecycleService,
    private readonly audit: AuditService,
    private readonly environment: Environment,
  ) {}

  onModuleInit(): void {
    this.lifecycle.atTaskEnd((manager, ended, by) => this.pass(manager, ended, by));
  }

  private async pass(manager: EntityManager, ended: EndedTask, by: Actor): Promise<void> {
    const { task_id, status } = ended;
    if (task_id === null) return;
    const [{ requires_approval }, withdrawn] = await Promise.all([
      lockEndingTask(manager, task_id),
      sql<Approval>(manager, WITHDRAW_PENDING, [task_id]),
    ]);
    if (status === 'completed' && requires_approval) {
      await this.assertApproved(manager, task_id, requires_approval, ended.claimed_by);
    }
    this.tellWithdrawn(manager, withdrawn, ended, by);
  }

  /** What counts is the latest decision of the role; the worker's own vote does not. */
  private async assertApproved(
    manager: EntityManager,
    taskId: string,
    { role, quorum }: RequiredApproval,
    worker: string | null,
  ): Promise<void> {
    const barred = this.environment.APPROVALS_FOUR_EYES ? worker : null;
    const [latest] = await sql<{ approved: boolean; own: boolean }>(manager, LATEST_DECISION, [
      taskId,
      role,
      quorum,
      barred,
    ]);
    if (latest?.approved === true && !latest.own) return;
    throw new DomainError(
      'task.approval_required',
      latest?.own === true
        ? 'The agent that holds the task has taken part in the decision; another one has to complete it.'
        : `The task is completed only after ${role} has approved it.`,
    );
  }

  private tellWithdrawn(
    manager: EntityManager,
    withdrawn: readonly Approval[],
    task: EndedTask,
    by: Actor,
  ): void {
    const metadata = { reason: 'task_ended' };
    this.audit.recordAll(
      manager,
      withdrawn.map((approval) =>
        approvalEvent('approval_withdrawn', approval, task, by, metadata),
      ),
    );
  }
}

const LATEST_DECISION = `
  SELECT a.status = 'approved' AS approved,
         EXISTS (SELECT 1 FROM approval_votes v WHERE v.approval_id = a.id AND v.subject = $4) AS own
    FROM approvals a
   WHERE a.task_id = $1 AND $2 IN (a.approver_role, a.delegated_from) AND a.quorum >= $3
     AND a.status IN ('approved', 'rejected')
   ORDER BY a.decision_at DESC LIMIT 1`;

const WITHDRAW_PENDING = `
  UPDATE approvals SET status = 'withdrawn', decision_at = clock_timestamp()
   WHERE task_id = $1 AND status = 'pending' AND expires_at > clock_timestamp()
  RETURNING *`;

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { isBlank } from '../common/invisible-characters.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { DomainError } from '../errors/domain-error.js';
import { canonicalDigest } from '../http/canonical-json.js';
import { withPrefix } from '../http/ids.js';
import { lockOpenTask, type RequiredApproval, type TaskSubject } from '../lifecycle/task-lock.js';
import { requiredKind } from './approver-kind-rules.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import { selectPending } from './approval-rows.js';
import { UNMET_REQUIREMENT, type UnmetRequirement } from './unmet-requirement.js';

/** A task as its requirement is about it. */
export interface RequiringTask {
  task_id: string;
  requires_approval: RequiredApproval;
  subject: TaskSubject;
}

/** The latest decision on a requirement. */
interface RequirementDecision {
  id: string;
  status: 'approved' | 'rejected';
  consumed_by: string | null;
  consumed_at: Date | null;
  /** Whether one of the subjects that complete the task has voted. */
  own: boolean;
  /** Whether it was consumed otherwise than by the holder of an attempt of the task. */
  spent: boolean;
}

/** Binds the approval that a task requires to the task: to its digest, its role and its quorum. */
@Injectable()
export class ApprovalRequirementsService {
  constructor(
    private readonly requests: ApprovalRequestsService,
    private readonly environment: Environment,
  ) {}

  /**
   * Refuses to complete a task whose requirement is not met. The caller holds the task's lock.
   *
   * @param completing the subjects that complete it: none of them may have voted
   * @throws DomainError `task.approval_required`
   */
  async assertMet(
    manager: EntityManager,
    task: RequiringTask,
    completing: readonly (string | null)[],
  ): Promise<void> {
    const refusal = unmetError(
      task.requires_approval,
      await this.latestDecision(manager, task, completing),
    );
    if (refusal !== undefined) throw new DomainError('task.approval_required', refusal);
  }

  /**
   * Opens the requirement of a task again, where it is neither met nor pending. An approval of the same role that is
   * pending on another question leaves no room for it: a participant asks again after that is settled.
   */
  async reopen(
    manager: EntityManager,
    taskId: string,
    by: Actor,
    why: string | undefined,
  ): Promise<void> {
    const task = await lockOpenTask(manager, taskId);
    const { requires_approval } = task;
    if (!requires_approval) return;
    const latest = await this.latestDecision(manager, { ...task, requires_approval }, []);
    if (unmetError(requires_approval, latest) === undefined) return;
    const { role, ...ask } = requires_approval;
    const pending = await selectPending(manager, taskId, [role]);
    if (pending.some(({ stage }) => stage === 1)) return;
    const told = why === undefined || isBlank(why) ? '' : `: ${why}`;
    const reason = `Required to complete the task, which is retried${told}`;
    const again = { reason, requested_role: task.from_role, repeat: 'if_consumed' as const };
    await this.requests.create(manager, task, { ...ask, ...again, stages: [role] }, by);
  }

  /** The role that has to be asked, and since when, where the requirement is neither met nor can be met by what is pending. */
  async listUnrequested(
    manager: EntityManager,
    task: RequiringTask,
  ): Promise<{ role: string; since: Date } | undefined> {
    const { role, quorum } = task.requires_approval;
    const latest = await this.latestDecision(manager, task, []);
    if (unmetError(task.requires_approval, latest) === undefined) return undefined;
    const digest = taskDigestOf(task.subject);
    const parameters = [task.task_id, digest, role, quorum];
    const [unmet] = await sql<UnmetRequirement>(manager, UNMET_REQUIREMENT, parameters);
    return unmet && !unmet.is_asked ? { role, since: unmet.since } : undefined;
  }

  private async latestDecision(
    manager: EntityManager,
    { task_id, requires_approval, subject }: RequiringTask,
    completing: readonly (string | null)[],
  ): Promise<RequirementDecision | undefined> {
    const { role, quorum, approver_kind = 'any' } = requires_approval;
    const approval = { approver_role: role, approver_kind, stage: 1, stages: [role] };
    const kind = requiredKind(approval, this.environment);
    const digest = taskDigestOf(subject);
    const barred = this.environment.APPROVALS_FOUR_EYES ? completing : [];
    const [latest] = await sql<RequirementDecision>(manager, LATEST_DECISION, [
      task_id,
      digest,
      role,
      quorum,
      barred,
      kind,
    ]);
    return latest;
  }
}

function taskDigestOf(subject: TaskSubject): string {
  return canonicalDigest({ ...subject }).toString('hex');
}

function unmetError(
  { role }: RequiredApproval,
  latest: RequirementDecision | undefined,
): string | undefined {
  if (!latest) return `The task is completed only after ${role} has approved it.`;
  const { id, status, own, spent, consumed_by, consumed_at } = latest;
  const name = withPrefix('approval', id);
  if (status === 'rejected') {
    return `The task is completed only after ${role} has approved it: ${name} was rejected.`;
  }
  if (spent) {
    const use = `consumed by ${consumed_by ?? ''} at ${consumed_at?.toISOString() ?? ''}`;
    return `${name} was ${use}, for another purpose than this task: ask ${role} again.`;
  }
  return own
    ? `A subject that voted on ${name} does not complete the task: another agent has to.`
    : undefined;
}

/**
 * Only an approval that asks the role alone, for the task's digest, meets the requirement; of people, where it needs
 * them. A rejection by the role on that digest supersedes it in any chain and with any quorum. A cancel ends the effect
 * of earlier decisions.
 */
const LATEST_DECISION = `
  SELECT a.id, a.status, a.consumed_by, a.consumed_at,
         EXISTS (SELECT 1 FROM approval_votes v
                  WHERE v.approval_id = a.id AND v.subject = ANY($5::text[])) AS own,
         a.consumed_by IS NOT NULL AND NOT EXISTS (
           SELECT 1 FROM sessions s
            WHERE s.task_id = a.task_id AND s.attempt IS NOT NULL AND s.claimed_by = a.consumed_by
              -- A consumption older than the column does not say which attempt it was for.
              AND (s.id = a.consumed_session_id OR a.consumed_attempt IS NULL)) AS spent
    FROM approvals a
   WHERE a.task_id = $1 AND a.digest = $2
     AND CASE a.status
           WHEN 'approved' THEN a.stages = ARRAY[$3]::varchar[] AND a.quorum >= $4
             AND ($6 = 'any' OR (a.decided_by_kind = 'human' AND NOT EXISTS (
               SELECT 1 FROM approval_votes v
                WHERE v.approval_id = a.id AND v.decision = 'approved' AND v.kind IS DISTINCT FROM 'human')))
           WHEN 'rejected' THEN $3 IN (a.approver_role, a.delegated_from, a.stages[a.stage])
           ELSE false
         END
     AND NOT EXISTS (
       SELECT 1 FROM sessions s
        WHERE s.task_id = $1 AND s.ended_reason = 'cancelled' AND s.updated_at >= a.decision_at)
   ORDER BY a.decision_at DESC, a.created_at DESC, a.id DESC LIMIT 1`;

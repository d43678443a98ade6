import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import { isBlank } from '../common/invisible-characters.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { DomainError } from '../errors/domain-error.js';
import { canonicalDigest } from '../http/canonical-json.js';
import { withPrefix } from '../common/ids.js';
import { lockOpenTask, type RequiredApproval, type TaskSubject } from '../lifecycle/task-lock.js';
import { requiredKind } from './approver-kind-rules.js';
import { requirementInTheWay } from './approval-errors.js';
import { ApprovalRequestsService } from './approval-requests.service.js';
import { selectPending } from './approval-rows.js';
import { UNMET_REQUIREMENT, type UnmetRequirement } from './unmet-requirement.js';

/** A task and its required approval. */
export interface RequiringTask {
  task_id: string;
  requires_approval: RequiredApproval;
  subject: TaskSubject;
}

/** Why the requirement keeps a task from being completed: its role has to be asked, or its worker voted on it. */
export type RequirementBlock =
  | { why: 'unasked'; role: string; since: Date }
  | { why: 'worker_voted'; approval_id: string; since: Date };

/** The latest decision on a requirement. */
interface RequirementDecision {
  id: string;
  status: 'approved' | 'rejected';
  decision_at: Date;
  consumed_by: string | null;
  consumed_at: Date | null;
  /** Whether a subject that completes the task has voted. */
  own: boolean;
  /** Whether it was consumed by a subject that did not hold an attempt of the task. */
  spent: boolean;
}

/** Checks and renews the required approval of a task. It must have the digest of the task, and its role and quorum. */
@Injectable()
export class ApprovalRequirementsService {
  constructor(
    private readonly requests: ApprovalRequestsService,
    private readonly environment: Environment,
  ) {}

  /**
   * Asserts that the required approval of a task was given. The caller holds the lock of the task.
   *
   * @param completing the subjects that complete the task: none of them may have voted
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
   * Requests the required approval again, if it is neither given nor pending. A role has one pending approval of a task
   * in each stage, so another approval that is pending for the role leaves no room for it.
   *
   * @throws DomainError `approval.pending_exists` for that approval, or `approval.limit_reached`
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
    const requiring = { ...task, requires_approval };
    const latest = await this.latestDecision(manager, requiring, []);
    if (unmetError(requires_approval, latest) === undefined) return;
    if ((await this.findUnmet(manager, requiring))?.is_asked === true) return;
    const { role, ...ask } = requires_approval;
    const pending = await selectPending(manager, taskId, [role]);
    const inTheWay = pending.find(({ stage }) => stage === 1);
    if (inTheWay) throw requirementInTheWay(inTheWay);
    const told = why === undefined || isBlank(why) ? '' : `: ${why}`;
    const reason = `Required to complete the task, which is retried${told}`;
    const again = { reason, requested_role: task.from_role, repeat: 'if_consumed' as const };
    await this.requests.create(manager, task, { ...ask, ...again, stages: [role] }, by);
  }

  /**
   * Returns what keeps the task from being completed: the required approval is neither given nor can a pending one be,
   * or the worker voted on it. Undefined if nothing does.
   */
  async findBlock(
    manager: EntityManager,
    task: RequiringTask,
    worker: string | null,
  ): Promise<RequirementBlock | undefined> {
    const { role } = task.requires_approval;
    const latest = await this.latestDecision(manager, task, [worker]);
    if (latest?.own === true && isMetBy(latest)) {
      return { why: 'worker_voted', approval_id: latest.id, since: latest.decision_at };
    }
    if (unmetError(task.requires_approval, latest) === undefined) return undefined;
    const unmet = await this.findUnmet(manager, task);
    return unmet && !unmet.is_asked ? { why: 'unasked', role, since: unmet.since } : undefined;
  }

  private async findUnmet(
    manager: EntityManager,
    { task_id, subject, requires_approval: { role, quorum } }: RequiringTask,
  ): Promise<UnmetRequirement | undefined> {
    const parameters = [task_id, taskDigestOf(subject), role, quorum];
    const [unmet] = await sql<UnmetRequirement>(manager, UNMET_REQUIREMENT, parameters);
    return unmet;
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

/** Whether the decision meets the requirement for an agent that did not vote. */
function isMetBy({ status, spent }: RequirementDecision): boolean {
  return status === 'approved' && !spent;
}

function unmetError(
  { role }: RequiredApproval,
  latest: RequirementDecision | undefined,
): string | undefined {
  if (!latest)
    return `${role} has not approved the task yet. Wait for the decision; see GET /approvals?task_id={id}.`;
  const { id, status, own, spent, consumed_by, consumed_at } = latest;
  const name = withPrefix('approval', id);
  if (status === 'rejected') {
    return `${role} rejected ${name}. Request a new approval from ${role}, then complete the task.`;
  }
  if (spent) {
    const use = `consumed by ${consumed_by ?? ''} at ${consumed_at?.toISOString() ?? ''}`;
    return `${name} was ${use}, not for an attempt of this task. Request a new approval from ${role}.`;
  }
  return own
    ? `A subject that voted on ${name} cannot complete the task. Another agent must complete it.`
    : undefined;
}

/**
 * An approval meets the requirement only with the digest of the task and the role as its single stage, decided by
 * people if the role needs them. A rejection of that digest by the role counts in any chain and with any quorum. A
 * cancel of the task ends the effect of earlier decisions.
 */
const LATEST_DECISION = `
  SELECT a.id, a.status, a.decision_at, a.consumed_by, a.consumed_at,
         EXISTS (SELECT 1 FROM approval_votes v
                  WHERE v.approval_id = a.id AND v.subject = ANY($5::text[])) AS own,
         a.consumed_by IS NOT NULL AND NOT EXISTS (
           SELECT 1 FROM sessions s
            WHERE s.task_id = a.task_id AND s.attempt IS NOT NULL AND s.claimed_by = a.consumed_by
              -- A consumption older than the column has no attempt.
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

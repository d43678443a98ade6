import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import type { ApproverKind } from './approver-kind.js';

/** The approval that a task requires. */
export interface Requirement {
  task_id: string;
  digest: string;
  role: string;
  quorum: number;
}

/** The state of a required approval that is not given. */
export interface UnmetRequirement {
  /** Since when the approval has to be requested again. */
  since: Date;
  /** Whether an approval that can meet the requirement can still be decided. */
  is_asked: boolean;
}

/** The latest decision on a requirement. */
export interface RequirementDecision {
  id: string;
  status: 'approved' | 'rejected';
  decision_at: Date;
  consumed_by: string | null;
  consumed_at: Date | null;
  /** Whether one of the `completing` subjects has voted. */
  own: boolean;
  /** Whether it was consumed by a subject that did not hold an attempt of the task. */
  spent: boolean;
}

/** Reads the decisions on the approvals that tasks require. */
@Injectable()
export class ApprovalRequirementsRepository {
  /**
   * Returns the latest decision on the requirement.
   *
   * @param kind the kind of the approvers whose approval meets the requirement
   * @param completing the subjects that complete the task
   */
  async findLatestDecision(
    manager: EntityManager,
    { task_id, digest, role, quorum }: Requirement,
    kind: ApproverKind,
    completing: readonly (string | null)[],
  ): Promise<RequirementDecision | undefined> {
    const parameters = [task_id, digest, role, quorum, completing, kind];
    const [latest] = await sql<RequirementDecision>(manager, LATEST_DECISION, parameters);
    return latest;
  }

  /** Returns the state of a requirement that is not met. */
  async findUnmet(
    manager: EntityManager,
    { task_id, digest, role, quorum }: Requirement,
  ): Promise<UnmetRequirement | undefined> {
    const parameters = [task_id, digest, role, quorum];
    const [unmet] = await sql<UnmetRequirement>(manager, UNMET, parameters);
    return unmet;
  }
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

/**
 * `since` is the latest cancel of the task or end of an approval that the requirement concerns; without any, the
 * routing.
 */
const UNMET = `
  SELECT coalesce(
           greatest(
             (SELECT max(s.updated_at) FROM sessions s WHERE s.task_id = t.id AND s.ended_reason = 'cancelled'),
             max(coalesce(a.consumed_at, a.decision_at, a.expires_at)) FILTER (WHERE NOT a.is_live)),
           t.created_at) AS since,
         coalesce(bool_or(a.is_live), false) AS is_asked
    FROM tasks t
    LEFT JOIN LATERAL (
      SELECT p.consumed_at, p.decision_at, p.expires_at,
             p.status = 'pending' AND p.expires_at > clock_timestamp() AS is_live
        FROM approvals p
       WHERE p.task_id = t.id AND p.digest = $2
         AND (p.stages = ARRAY[$3]::varchar[] AND p.quorum >= $4
              OR p.status = 'rejected' AND $3 IN (p.approver_role, p.delegated_from, p.stages[p.stage]))
    ) a ON true
   WHERE t.id = $1
   GROUP BY t.id`;

/** The state of a required approval that is not given. */
export interface UnmetRequirement {
  /** Since when the approval has to be requested again. */
  since: Date;
  /** Whether an approval that can meet the requirement can still be decided. */
  is_asked: boolean;
}

/**
 * SQL for the {@link UnmetRequirement} of the task `$1`, the digest `$2`, the role `$3` and the quorum `$4`. `since` is
 * the latest cancel of the task or end of an approval that the requirement concerns; without any, the routing.
 */
export const UNMET_REQUIREMENT = `
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

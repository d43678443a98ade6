/**
 * Returns the SQL condition that a vote `v` counts for the approval with this alias: its subject did not lose the
 * voting role between the vote, or its latest renewal, and the decision.
 */
export function isCounted(approval: string): string {
  return `NOT EXISTS (
  SELECT 1 FROM role_losses l
   WHERE l.subject = v.subject AND l.role IN (${approval}.approver_role, ${approval}.delegated_from)
     AND l.lost_at > v.created_at AND l.lost_at <= coalesce(${approval}.decision_at, l.lost_at)
     AND NOT EXISTS (
       SELECT 1 FROM vote_renewals r
        WHERE r.approval_id = v.approval_id AND r.subject = v.subject AND r.decision = v.decision
          AND r.renewed_at > l.lost_at))`;
}

/** A decision about a task for which no approval was requested. */
export interface Question {
  task_id: string;
  approver_role: string;
  digest: string;
}

/** SQL for a {@link Question} `$1, $2, $3` with the columns of an approval, for {@link excludedFrom}. */
export const QUESTION = `
  SELECT $1::uuid AS task_id, $2::varchar AS approver_role, NULL::varchar AS delegated_from,
         ARRAY[$2]::varchar[] AS stages, 1 AS stage, $3::varchar AS digest, NULL::uuid AS chain_id,
         NULL::text AS reassigned_by`;

/**
 * Returns SQL for the subjects that four eyes exclude from the decision of the approval with this alias, and their
 * acting roles:
 * - the router of the task;
 * - the requesters of the approval, of approvals that it supersedes, and of earlier approvals of the same payload:
 *   a resubmission by a colleague does not let the first requester vote;
 * - every agent that holds or held the task, if the task requires the approval;
 * - the admin that reassigned the decision.
 *
 * Subjects are `iss#sub`, compared byte by byte.
 */
export function excludedFrom(approval: string): string {
  return `
  SELECT t.created_by AS subject, t.from_role AS role FROM tasks t WHERE t.id = ${approval}.task_id
  UNION ALL
  (WITH RECURSIVE asked AS (
     SELECT first.id, first.supersedes, first.requested_by, first.requested_role
       FROM approvals first WHERE first.id = ${approval}.chain_id
     UNION ALL
     SELECT first.id, first.supersedes, first.requested_by, first.requested_role
       FROM asked JOIN approvals old ON old.id = asked.supersedes JOIN approvals first ON first.id = old.chain_id
   )
   SELECT asked.requested_by, asked.requested_role FROM asked WHERE asked.requested_by IS NOT NULL)
  UNION ALL
  SELECT same.requested_by, same.requested_role FROM approvals same
   WHERE same.task_id = ${approval}.task_id AND same.digest = ${approval}.digest
     AND same.stages && ${approval}.stages AND same.requested_by IS NOT NULL
  UNION ALL
  SELECT s.claimed_by, t.to_role FROM tasks t JOIN sessions s ON s.task_id = t.id
   WHERE t.id = ${approval}.task_id AND s.attempt IS NOT NULL AND s.claimed_by IS NOT NULL
     AND t.requires_approval ->> 'role' IN
         (${approval}.approver_role, ${approval}.delegated_from, ${approval}.stages[${approval}.stage])
  UNION ALL
  SELECT ${approval}.reassigned_by, NULL WHERE ${approval}.reassigned_by IS NOT NULL`;
}

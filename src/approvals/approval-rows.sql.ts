import type { Approval } from './approval.entity.js';
import { approvalStatusNow } from './approval-status.sql.js';
import { isCounted } from './counted-votes.sql.js';
import {
  APPROVED_TASK,
  type ApprovedTask,
  EARLIER,
  type EarlierDecision,
} from './approval-context.sql.js';

/** An approval with its current status, its votes, earlier decisions about the same payload, and its task. */
export type ApprovalRow = Approval & {
  votes: number;
  earlier: EarlierDecision[];
  task: ApprovedTask;
};

/**
 * Returns the SQL condition that a vote `v` counts for the approval with this alias: it was cast after the decision
 * was reassigned, its subject did not change it to the deciding rejection, and did not lose the role. Votes that do
 * not count stay stored.
 */
export function voteCounts(approval: string): string {
  return `(${approval}.reassigned_at IS NULL OR v.created_at > ${approval}.reassigned_at)
    AND NOT (${approval}.status = 'rejected' AND v.decision = 'approved' AND v.subject = ${approval}.decided_by)
    AND ${isCounted(approval)}`;
}

/** The columns of an {@link ApprovalRow} `a`. The second `status` replaces the stored one. */
export const APPROVAL_ROW = `
  a.*, ${approvalStatusNow('a')} AS status,
  (SELECT count(*)::integer FROM approval_votes v
    WHERE v.approval_id = a.id AND v.decision = 'approved' AND ${voteCounts('a')}) AS votes,
  ${EARLIER} AS earlier, ${APPROVED_TASK} AS task`;

/** The statuses of an approval. All but `pending` are final. */
export const APPROVAL_STATUSES = [
  'pending',
  'approved',
  'rejected',
  'expired',
  'withdrawn',
] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

/** The decisions of an approver. */
export const DECISIONS = ['approved', 'rejected'] as const;
export type Decision = (typeof DECISIONS)[number];

/** Returns the SQL condition that a stored status is `pending` and `expires_at` has passed. */
export function expiredCondition(approval: string): string {
  return `(${approval}.status = 'pending' AND ${approval}.expires_at <= clock_timestamp())`;
}

/** Returns SQL for the current status of an approval: `expired` from `expires_at` on, before the sweep stores it. */
export function approvalStatusNow(approval: string): string {
  return `CASE WHEN ${expiredCondition(approval)} THEN 'expired' ELSE ${approval}.status END`;
}

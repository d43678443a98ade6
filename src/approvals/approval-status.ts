/** The states of an approval: it is settled once. */
export const APPROVAL_STATUSES = [
  'pending',
  'approved',
  'rejected',
  'expired',
  'withdrawn',
] as const;
export type ApprovalStatus = (typeof APPROVAL_STATUSES)[number];

/** What an approver may decide. */
export const DECISIONS = ['approved', 'rejected'] as const;
export type Decision = (typeof DECISIONS)[number];

/** SQL that is true of a pending approval whose last moment to be decided is past. */
export function lapsedCondition(approval: string): string {
  return `(${approval}.status = 'pending' AND ${approval}.expires_at <= clock_timestamp())`;
}

/** SQL for the status that an approval has for its readers: `expired` as soon as it is too late to decide. */
export function approvalStatusNow(approval: string): string {
  return `CASE WHEN ${lapsedCondition(approval)} THEN 'expired' ELSE ${approval}.status END`;
}

/** Returns the SQL condition that a stored status is `pending` and `expires_at` has passed. */
export function expiredCondition(approval: string): string {
  return `(${approval}.status = 'pending' AND ${approval}.expires_at <= clock_timestamp())`;
}

/** Returns SQL for the current status of an approval: `expired` from `expires_at` on, before the sweep stores it. */
export function approvalStatusNow(approval: string): string {
  return `CASE WHEN ${expiredCondition(approval)} THEN 'expired' ELSE ${approval}.status END`;
}

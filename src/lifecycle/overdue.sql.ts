/**
 * Returns the SQL condition that an open session is overdue: its retention has passed since the latest of its
 * creation, its due time, the end of its lease, and the last decision or expiry of an approval of its task. A session
 * whose deadline has not passed is not overdue.
 *
 * Reads the approvals only for sessions older than one day, the shortest retention.
 *
 * @param session the alias of the row
 * @param days the placeholder of the retention in days; it occurs once
 */
export function overdue(session: string, days: string): string {
  const latest = `greatest(${session}.created_at, ${session}.not_before, ${session}.lease_expires_at)`;
  return `(${session}.status IN ('pending', 'active')
           AND ${latest} < now() - interval '1 day'
           AND greatest(${latest}, CASE WHEN ${session}.attempt IS NOT NULL
                                        THEN last_approval_time(${session}.task_id) END)
               < now() - make_interval(days => ${days}::integer)
           AND (${session}.deadline_at IS NULL OR ${session}.deadline_at <= now()))`;
}

/** Returns SQL for the current status of a session: `expired` once it is overdue, before the sweep stores it. */
export function statusNow(session: string, days: string): string {
  return `CASE WHEN ${overdue(session, days)} THEN 'expired' ELSE ${session}.status END`;
}

/** Returns SQL for the current status of the task of the attempt with this alias. `statusNow` is SQL for its status. */
export function taskStatusNow(attempt: string, statusNow: string): string {
  return `CASE WHEN ${attempt}.ended_reason = 'cancelled' THEN 'cancelled'
               WHEN ${attempt}.status = 'failed' AND ${attempt}.retryable THEN 'dead'
               ELSE ${statusNow} END`;
}

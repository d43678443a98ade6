/**
 * SQL that is true of a session which has outlived its retention without ending: counted from when it was made, falls
 * due, has its lease end, or from the last decision or expiry of an approval of the task that it carries, whichever is
 * latest; a deadline in the future keeps it alive.
 *
 * The approvals are read for sessions older than the shortest retention only, a day.
 *
 * @param session the alias of the row
 * @param days the placeholder of the retention in days; it occurs once
 */
export function overdue(session: string, days: string): string {
  const latest = `greatest(${session}.created_at, ${session}.not_before, ${session}.lease_expires_at)`;
  return `(${session}.status IN ('pending', 'active')
           AND greatest(${latest}, CASE WHEN ${session}.attempt IS NOT NULL AND ${latest} < now() - interval '1 day'
                                        THEN last_approval_time(${session}.task_id) END)
               < now() - make_interval(days => ${days}::integer)
           AND (${session}.deadline_at IS NULL OR ${session}.deadline_at <= now()))`;
}

/** SQL for the status that a session has for its readers: `expired` as soon as it is overdue. */
export function statusNow(session: string, days: string): string {
  return `CASE WHEN ${overdue(session, days)} THEN 'expired' ELSE ${session}.status END`;
}

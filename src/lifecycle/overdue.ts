/**
 * SQL that is true of a session which has outlived its retention without ending: counted from when it was made, falls
 * due or has its lease end, whichever is latest; a deadline in the future keeps it alive.
 *
 * @param session the alias of the row
 * @param days the placeholder of the retention in days
 */
export function overdue(session: string, days: string): string {
  return `(${session}.status IN ('pending', 'active')
           AND greatest(${session}.created_at, ${session}.not_before, ${session}.lease_expires_at)
               < now() - make_interval(days => ${days}::integer)
           AND (${session}.deadline_at IS NULL OR ${session}.deadline_at <= now()))`;
}

/** SQL for the status that a session has for its readers: `expired` as soon as it is overdue. */
export function statusNow(session: string, days: string): string {
  return `CASE WHEN ${overdue(session, days)} THEN 'expired' ELSE ${session}.status END`;
}

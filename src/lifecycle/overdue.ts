/**
 * SQL that is true of a session which has outlived its retention without ending.
 *
 * @param session the alias of the row
 * @param days the placeholder of the retention in days
 */
export function overdue(session: string, days: string): string {
  return `(${session}.status IN ('pending', 'active')
           AND ${session}.created_at < now() - make_interval(days => ${days}::integer))`;
}

/** SQL for the status that a session has for its readers: `expired` as soon as it is overdue. */
export function statusNow(session: string, days: string): string {
  return `CASE WHEN ${overdue(session, days)} THEN 'expired' ELSE ${session}.status END`;
}

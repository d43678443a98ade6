/** Columns of a statement made by {@link unlessPaused}. Null if the role is not paused. */
export interface PauseColumns {
  pause_reason: string | null;
  pause_until: Date | null;
}

/**
 * Returns the SQL condition that a pause has not ended.
 *
 * @param pause the alias of the row
 */
export function isInForce(pause: string): string {
  return `(${pause}.until IS NULL OR ${pause}.until > clock_timestamp())`;
}

/**
 * Returns a statement that runs `query` only if the role is not paused. Without a row of `query` it returns one row, in
 * which the columns of `query` are null.
 *
 * @param role the placeholder of the role
 */
export function unlessPaused(role: string, query: string): string {
  return `
  SELECT p.reason AS pause_reason, p.until AS pause_until, n.*
    FROM (SELECT) AS one
    LEFT JOIN role_pauses p ON p.role = ${role} AND ${isInForce('p')}
    LEFT JOIN LATERAL (SELECT q.* FROM (${query}) q WHERE p.role IS NULL) n ON true`;
}

/**
 * Returns SQL for the pause of the role of a pending attempt: JSON with the members of `PauseNotice`. Null if there is
 * none, and for every other session.
 *
 * @param session the alias of the row
 */
export function pauseOf(session: string): string {
  return `
  CASE WHEN ${session}.attempt IS NOT NULL AND ${session}.status = 'pending' THEN (
    SELECT jsonb_build_object('role', p.role, 'reason', p.reason, 'until', p.until)
      FROM role_pauses p WHERE p.role = ${session}.role AND ${isInForce('p')}) END`;
}

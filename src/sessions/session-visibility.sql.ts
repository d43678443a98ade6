/**
 * Returns the SQL condition that a session `s` is an attempt at a task in which a role is a participant.
 *
 * @param roles placeholder of the roles
 */
export function takesPart(roles: string): string {
  return `(s.attempt IS NOT NULL AND coalesce((
     SELECT true FROM task_participants p WHERE p.task_id = s.task_id AND p.role = ANY(${roles}) LIMIT 1), false))`;
}

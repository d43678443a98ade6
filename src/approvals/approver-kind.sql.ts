/**
 * Returns the SQL condition that an approval `a` needs a human. `roles` is the placeholder of `HUMAN_APPROVER_ROLES`.
 */
export function needsHuman(roles: string): string {
  return `(a.approver_kind = 'human' OR ARRAY[a.approver_role, a.delegated_from, a.stages[a.stage]] && ${roles}::varchar[])`;
}

/** How many roles a metric names at most. The other roles are counted together under {@link OTHER_ROLES}. */
export const MAX_ROLE_LABELS = 100;
export const OTHER_ROLES = 'other';

/** Assigns the label `role` of a metric that lasts as long as the process: the first roles keep their names. */
export class RoleLabels {
  private readonly named = new Set<string>();

  labelOf(role: string): string {
    if (this.named.size < MAX_ROLE_LABELS) this.named.add(role);
    return this.named.has(role) ? role : OTHER_ROLES;
  }
}

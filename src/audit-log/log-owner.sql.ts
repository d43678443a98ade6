/** The role of a connection, and whether it owns the audit log. */
export interface ConnectionRole {
  readonly name: string;
  readonly is_owner: boolean;
}

/** Returns a {@link ConnectionRole}. */
export const ROLE = `
  SELECT current_user AS name, pg_has_role(current_user, relowner, 'USAGE') AS is_owner
    FROM pg_class WHERE oid = 'audit_events'::regclass`;

/** A command that changes or deletes events cannot run. */
class NotOwnerError extends Error {}

/**
 * Returns the name of a role that owns the audit log.
 *
 * @throws NotOwnerError if the role does not own it
 */
export function ownerOf([role]: readonly ConnectionRole[]): string {
  if (role?.is_owner === true) return role.name;
  throw new NotOwnerError(
    `The database role ${role?.name ?? ''} does not own the audit log. Use the owner.`,
  );
}

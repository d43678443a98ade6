import { isRecord } from '../common/is-record.js';
import { InvalidInputError } from '../errors/domain-error.js';

/**
 * Renames deprecated members of `body`: with the aliases `{ agent_role: 'role' }`, `agent_role` becomes `role`.
 *
 * @throws InvalidInputError if both names are present with different values
 */
export function renameAliases(body: unknown, aliases: Readonly<Record<string, string>>): unknown {
  if (!isRecord(body)) return body;
  const entries = Object.entries(body).map(([name, value]) => {
    const canonical = Object.hasOwn(aliases, name) ? aliases[name] : undefined;
    if (canonical === undefined) return [name, value];
    const other = body[canonical];
    if (other !== undefined && other !== value) {
      throw new InvalidInputError([
        { pointer: `/${name}`, message: `${name} and ${canonical} must not differ` },
      ]);
    }
    return [canonical, value];
  });
  return Object.fromEntries(entries);
}

/** Removes members that are null: v0.4 clients send absent members as null. */
export function withoutNullMembers(body: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

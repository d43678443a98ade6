import { InvalidInputError } from '../errors/domain-error.js';

/** Whether a value of unknown origin is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Renames the members of `body` that older clients call otherwise: `{ agent_role: 'role' }` makes `agent_role`
 * a `role`. Both at once is fine when they agree.
 */
export function renameAliases(body: unknown, aliases: Readonly<Record<string, string>>): unknown {
  if (!isObject(body)) return body;
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

/** Leaves out the members that are null: older clients send those that they do not mean as null. */
export function withoutNullMembers(body: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
}

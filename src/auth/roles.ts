import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import { STORED_NAME, toNfc } from '../common/names.js';
import type { Agent } from './agent.js';

/** Roles with a meaning of their own: no task is sent to them, no approval asked of them. */
const RESERVED_ROLES: readonly string[] = ['admin', 'auditor', 'system'];

/** The role of the controller's own sweeps: a token that claims it does not get it. */
const SYSTEM = 'system';

const KEYCLOAK_BUILT_IN = /^(offline_access|uma_authorization|default-roles-.*)$/s;

/**
 * The org roles among the names that a token lists, each once, in NFC, in the order given.
 * Names are case-sensitive. Dropped are Keycloak's built-in roles, `system`, names that no version accepted
 * ({@link STORED_NAME}) and, when `allowList` is not empty, all that it does not list; `admin` and `auditor` need no
 * listing. A name that only earlier versions accepted stays: nothing new is sent to it, but its holder finishes what is
 * stored for it.
 */
export function usableRoles(names: readonly string[], allowList: readonly string[]): string[] {
  const exists = (name: string) =>
    allowList.length === 0 || allowList.includes(name) || RESERVED_ROLES.includes(name);
  return [...new Set(names.map(toNfc))].filter(
    (name) =>
      STORED_NAME.test(name) && !KEYCLOAK_BUILT_IN.test(name) && name !== SYSTEM && exists(name),
  );
}

/** The roles, and their decomposed spelling (NFD), in which earlier versions may have stored them. */
export function withStoredSpellings(roles: readonly string[]): string[] {
  return [...new Set([...roles, ...roles.map((role) => role.normalize('NFD'))])];
}

/** The roles of an agent, each once: without the spellings that only stored names have. */
export function namedRoles({ roles }: Pick<Agent, 'roles'>): string[] {
  return roles.filter((role) => role === toNfc(role));
}

/**
 * The role that an agent acts for when it names none: its token's `role` claim, else its only org role.
 * An agent without org roles acts as `admin`, else as `auditor`: most routes have no place to name a role,
 * and an operator should not need an org role to use them. Undefined when there are several or none.
 */
export function defaultActingRole(agent: Pick<Agent, 'roles' | 'defaultRole'>): string | undefined {
  if (agent.defaultRole !== undefined) return agent.defaultRole;
  const roles = namedRoles(agent);
  const orgRoles = roles.filter((role) => !RESERVED_ROLES.includes(role));
  if (orgRoles.length > 0) return orgRoles.length === 1 ? orgRoles[0] : undefined;
  return RESERVED_ROLES.find((role) => roles.includes(role));
}

/**
 * The role that an agent acts for in one request.
 * Throws `auth.role_not_held` when the role named is not the agent's, or when it has no role at all,
 * and `auth.role_ambiguous` when none is named and it has several.
 */
export function actingRole(agent: Pick<Agent, 'roles' | 'defaultRole'>, named?: string): string {
  if (named !== undefined) {
    if (agent.roles.includes(named)) return named;
    throw new DomainError('auth.role_not_held', 'The token does not carry the role named');
  }
  if (agent.roles.length === 0) {
    throw new DomainError('auth.role_not_held', 'The token carries no role to act for');
  }
  const role = defaultActingRole(agent);
  if (role !== undefined) return role;
  throw new DomainError(
    'auth.role_ambiguous',
    `Name the role to act for, one of: ${namedRoles(agent).join(', ')}`,
  );
}

/**
 * Refuses a role that work cannot be addressed to: a reserved one, or one that `allowList`, when it is not empty,
 * does not have.
 */
export function assertOrgRole(role: string, allowList: readonly string[], pointer: string): void {
  if (RESERVED_ROLES.includes(role)) {
    throw new InvalidInputError([
      { pointer, message: `The roles ${RESERVED_ROLES.join(', ')} are reserved` },
    ]);
  }
  if (allowList.length > 0 && !allowList.includes(role)) {
    throw new InvalidInputError([{ pointer, message: 'There is no such role' }]);
  }
}

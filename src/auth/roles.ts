import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import { STORED_NAME, toNfc } from '../common/names.js';
import type { Agent } from './agent.js';

/** Reserved roles. Tasks and approvals cannot be assigned to them. */
const RESERVED_ROLES: readonly string[] = ['admin', 'auditor', 'system'];

/** The role of the sweep. It is ignored in tokens. */
const SYSTEM = 'system';

const KEYCLOAK_BUILT_IN = /^(offline_access|uma_authorization|default-roles-.*)$/s;

/**
 * Returns the usable roles among the names in a token: unique, in NFC, in the given order. Names are case-sensitive.
 *
 * Omits Keycloak's built-in roles, `system`, names that no version accepted ({@link STORED_NAME}) and, if `allowList` is
 * not empty, names that it does not contain, except `admin` and `auditor`. Keeps names that only earlier versions
 * accepted: no new work is assigned to them, but existing work can be completed.
 */
export function usableRoles(names: readonly string[], allowList: readonly string[]): string[] {
  const exists = (name: string) =>
    allowList.length === 0 || allowList.includes(name) || RESERVED_ROLES.includes(name);
  return [...new Set(names.map(toNfc))].filter(
    (name) =>
      STORED_NAME.test(name) && !KEYCLOAK_BUILT_IN.test(name) && name !== SYSTEM && exists(name),
  );
}

/** Returns the roles and their decomposed spellings (NFD), which earlier versions may have stored. */
export function withStoredSpellings(roles: readonly string[]): string[] {
  return [...new Set([...roles, ...roles.map((role) => role.normalize('NFD'))])];
}

/** Returns the roles of an agent without the decomposed spellings. */
export function namedRoles({ roles }: Pick<Agent, 'roles'>): string[] {
  return roles.filter((role) => role === toNfc(role));
}

/**
 * Returns the role that an agent acts for if a request names none: the default role of its token, else its only org role.
 * An agent without org roles acts for `admin`, else for `auditor`, because most routes do not accept a role and an
 * operator has no org role. Undefined if there are several org roles, or no role.
 */
export function defaultActingRole(agent: Pick<Agent, 'roles' | 'defaultRole'>): string | undefined {
  if (agent.defaultRole !== undefined) return agent.defaultRole;
  const roles = namedRoles(agent);
  const orgRoles = roles.filter((role) => !RESERVED_ROLES.includes(role));
  if (orgRoles.length > 0) return orgRoles.length === 1 ? orgRoles[0] : undefined;
  return RESERVED_ROLES.find((role) => roles.includes(role));
}

/**
 * Returns the acting role of a request.
 *
 * @throws DomainError `auth.role_not_held` if the agent does not hold the named role, or has no role;
 * `auth.role_ambiguous` if it has several and none is named
 */
export function actingRole(agent: Pick<Agent, 'roles' | 'defaultRole'>, named?: string): string {
  if (named !== undefined) {
    if (agent.roles.includes(named)) return named;
    throw new DomainError(
      'auth.role_not_held',
      'The token does not carry the named role. GET /me returns its roles.',
    );
  }
  if (agent.roles.length === 0) {
    throw new DomainError(
      'auth.role_not_held',
      'The token carries no role to act for. Check its role claims.',
    );
  }
  const role = defaultActingRole(agent);
  if (role !== undefined) return role;
  throw new DomainError(
    'auth.role_ambiguous',
    `Name the role to act for. It must be one of: ${namedRoles(agent).join(', ')}.`,
  );
}

/**
 * Asserts that work can be assigned to a role: it is not reserved, and `allowList` is empty or contains it.
 *
 * @param pointer the JSON Pointer of the role in the request
 * @throws InvalidInputError
 */
export function assertOrgRole(role: string, allowList: readonly string[], pointer: string): void {
  if (RESERVED_ROLES.includes(role)) {
    throw new InvalidInputError([
      { pointer, message: `The roles ${RESERVED_ROLES.join(', ')} are reserved` },
    ]);
  }
  if (allowList.length > 0 && !allowList.includes(role)) {
    throw new InvalidInputError([
      { pointer, message: 'The role does not exist. The operator lists the roles in ROLES' },
    ]);
  }
}

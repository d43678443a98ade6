import { isRecord } from '../common/is-record.js';
import type { RolesMap } from '../config/roles-map.js';
import { tokenInvalid } from './token-errors.js';

type TokenClaims = Record<string, unknown>;

/**
 * Returns all role names in the payload of a token: `realm_access.roles`, `resource_access[client].roles` of the given
 * clients, `roles` and `role`.
 *
 * @throws DomainError `auth.token_invalid` if one of the claims is malformed
 */
export function roleNames(payload: TokenClaims, clients: readonly string[]): string[] {
  const ofClients = clients.map((client) => member(payload['resource_access'], client));
  return [
    ...names(member(payload['realm_access'], 'roles')),
    ...ofClients.flatMap((client) => names(member(client, 'roles'))),
    ...names(payload['roles']),
    ...names(payload['role'] === undefined ? undefined : [payload['role']]),
  ];
}

/**
 * Returns the role names in one claim of a token: an array of strings, or a string with names separated by commas, or by spaces
 * (as `scope`, RFC 8693 section 4.2). `path` lists paths separated by commas. A path is a path of names separated by dots. A name can contain dots itself, such as
 * `https://example.com/roles`; the longest matching name is used. A missing claim contains no roles.
 *
 * @throws DomainError `auth.token_invalid` if the claim is malformed
 */
export function roleNamesAt(payload: TokenClaims, path: string): string[] {
  return path.split(',').flatMap((each) => {
    const value = valueAt(payload, each.split('.'));
    return typeof value === 'string' ? namesIn(value) : names(value);
  });
}

/** Splits at commas if there are any, because names can contain spaces, else at spaces. */
function namesIn(text: string): string[] {
  return text
    .split(text.includes(',') ? ',' : ' ')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** Returns the roles that a map assigns to names of one issuer. Other names are not roles. */
export function mappedRoles(
  names: readonly string[],
  map: RolesMap | undefined,
  issuer: string,
): readonly string[] {
  if (map === undefined) return names;
  return names.flatMap((name) => map.get(`${issuer}#${name}`) ?? map.get(name) ?? []);
}

function valueAt(value: unknown, steps: readonly string[]): unknown {
  if (steps.length === 0) return value;
  if (!isRecord(value)) throw malformed();
  for (let length = steps.length; length > 0; length -= 1) {
    const name = steps.slice(0, length).join('.');
    if (Object.hasOwn(value, name)) return valueAt(value[name], steps.slice(length));
  }
  return undefined;
}

function member(value: unknown, name: string): unknown {
  if (value === undefined) return undefined;
  if (!isRecord(value)) throw malformed();
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function names(value: unknown): string[] {
  if (value === undefined) return [];
  if (!isStrings(value)) throw malformed();
  return value;
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function malformed() {
  return tokenInvalid('roles', 'The role claims of the token are malformed');
}

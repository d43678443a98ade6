import { isRecord } from './is-record.js';
import { tokenInvalid } from './token-errors.js';

/**
 * Every role name in the payload of a token: `realm_access.roles`, `resource_access[audience].roles`, `roles` and
 * `role`. A claim of another shape throws `auth.token_invalid`: half of a token is not believed.
 */
export function roleNames(payload: Record<string, unknown>, audience?: string): string[] {
  const client = audience === undefined ? undefined : member(payload['resource_access'], audience);
  return [
    ...names(member(payload['realm_access'], 'roles')),
    ...names(member(client, 'roles')),
    ...names(payload['roles']),
    ...names(payload['role'] === undefined ? undefined : [payload['role']]),
  ];
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
  return tokenInvalid('The role claims of the token are malformed');
}

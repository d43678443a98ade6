import { NAME, toNfc } from '../common/names.js';
import { isRecord } from '../common/is-record.js';
import { parseJson } from '../common/parse-json.js';

/** Roles by the name at the identity provider, or by `iss#name` for one of several issuers. */
export type RolesMap = ReadonlyMap<string, readonly string[]>;

/**
 * Parses `OIDC_ROLES_MAP`: a JSON object whose values are role names or lists of them, or pairs `name=role` that are
 * separated by commas. The last `=` of a pair separates.
 *
 * @throws Error if it has another form
 */
export function parseRolesMap(text: string): RolesMap {
  const entries = text.trimStart().startsWith('{') ? jsonEntries(text) : pairs(text);
  const map = new Map<string, string[]>();
  for (const [name, role] of entries) {
    if (name === '' || !NAME.test(role)) throw malformed();
    map.set(name, [...(map.get(name) ?? []), toNfc(role)]);
  }
  if (map.size === 0) throw malformed();
  return map;
}

function jsonEntries(text: string): [string, string][] {
  const value = parseJson(text);
  if (!isRecord(value)) throw malformed();
  return Object.entries(value).flatMap(([name, roles]) => {
    const list: readonly unknown[] = Array.isArray(roles) ? roles : [roles];
    return list.map((role): [string, string] => {
      if (typeof role !== 'string') throw malformed();
      return [name, role];
    });
  });
}

function pairs(text: string): [string, string][] {
  return text
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.lastIndexOf('=');
      return [pair.slice(0, Math.max(at, 0)).trim(), pair.slice(at + 1).trim()];
    });
}

function malformed(): Error {
  return new Error(
    'OIDC_ROLES_MAP must hold pairs such as idp-group=finance, or a JSON object such as {"idp group":["finance"]}',
  );
}

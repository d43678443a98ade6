import { isRecord } from '../../common/is-record.js';

/**
 * A DTO as JSON that is not validated: the compiler checks the names of its members, and their values are unknown. A tool
 * names the DTO that it reads or sends, so renaming a member of the DTO breaks the build.
 */
export type JsonOf<Dto> = object & { readonly [Name in keyof Dto]?: unknown };

/** The names of the members of a DTO. */
export type NameOf<Dto> = keyof Dto & string;

const EMPTY: Readonly<Record<string, unknown>> = {};

/** Returns an object as the JSON of a DTO; without members if the value is not an object. */
export function recordOf<Dto = Record<string, unknown>>(value: unknown): JsonOf<Dto> {
  return isRecord(value) ? value : EMPTY;
}

/** Returns the objects of an array as the JSON of a DTO. */
export function recordsOf<Dto = Record<string, unknown>>(value: unknown): JsonOf<Dto>[] {
  return Array.isArray(value) ? value.map((item) => recordOf<Dto>(item)) : [];
}

/** Returns the named members of an object; null for each that is absent. */
export function pick<Json extends object>(
  from: Json,
  ...names: NameOf<Json>[]
): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, from[name] ?? null]));
}

/** Returns the arguments that are present and have the names of these members of a DTO. */
export function pickGiven<Dto>(
  args: Readonly<Record<string, unknown>>,
  ...names: NameOf<NoInfer<Dto>>[]
): JsonOf<Dto> {
  const given: Record<string, unknown> = {};
  for (const name of names) if (args[name] !== undefined) given[name] = args[name];
  return given;
}

/** A query with the names of a DTO. */
export type QueryOf<Dto> = object & { readonly [Name in keyof Dto]?: string };

/** Returns members as query parameters. */
export function asQuery<Dto>(members: JsonOf<Dto>): QueryOf<Dto> {
  const query: Record<string, string> = {};
  for (const [name, value] of Object.entries(members)) query[name] = String(value);
  return query;
}

/** Pointers to members of a DTO, and to those below them. */
export type PointerInto<Dto> = `/${NameOf<Dto>}` | `/${NameOf<Dto>}/${string}`;

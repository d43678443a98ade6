import { parseUuid, UUID_PATTERN } from './uuid.js';

/** The kinds of resources with ids. A kind can prefix an id, as in `task-<uuid>`. */
export type IdKind = 'session' | 'task' | 'approval';

/** A parsed id: the UUID, and the kind in its prefix if it has one. */
export interface Reference {
  id: string;
  kind?: IdKind;
}

/** Parses an id that can have one of the prefixes; undefined if it is not an id. */
export function parseId(text: unknown, kinds: readonly IdKind[]): Reference | undefined {
  if (typeof text !== 'string') return undefined;
  const kind = kinds.find((prefix) => text.startsWith(`${prefix}-`));
  const id = kind === undefined ? text : text.slice(kind.length + 1);
  const uuid = parseUuid(id);
  return uuid === undefined ? undefined : { id: uuid, ...(kind && { kind }) };
}

/** Returns an id with the prefix of its kind. */
export function withPrefix(kind: IdKind, id: string): string {
  return `${kind}-${id}`;
}

/** Returns the pattern of an id with an optional prefix, for the OpenAPI document. */
export function idPattern(...kinds: IdKind[]): string {
  return `^(${kinds.map((kind) => `${kind}-`).join('|')})?${UUID_PATTERN}$`;
}

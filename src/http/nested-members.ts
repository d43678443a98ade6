import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { type InputProblem } from '../errors/domain-error.js';
import { isObject } from './aliases.js';
import { escapePointer } from './json-limits.js';

type Members = Record<string, unknown>;
type Dto = new () => object;

export const UNKNOWN_MEMBER = 'There is no such member';

/**
 * The input without the members that are null, at every level that a DTO describes: null is absent. JSON objects of the
 * caller's own making stay as they are.
 */
export function withoutNullNestedMembers(input: Members, dto: Dto): Members {
  const entries = Object.entries(input).filter(([, value]) => value !== null);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const nested = nestedDto(dto, name);
      if (nested === undefined) return [name, value];
      const tidied = (item: unknown): unknown =>
        isObject(item) ? withoutNullNestedMembers(item, nested) : item;
      return [name, Array.isArray(value) ? value.map(tidied) : tidied(value)];
    }),
  );
}

/**
 * The members, at every level that a DTO describes, that are named like what every object inherits, such as `toString`:
 * class-validator takes them for members that it knows.
 */
export function inheritedMemberNames(input: unknown, dto: Dto, prefix: string): InputProblem[] {
  if (!isObject(input)) return [];
  return Object.entries(input).flatMap(([name, value]) => {
    const pointer = `${prefix}${escapePointer(name)}`;
    if (name in Object.prototype) return [{ pointer, message: UNKNOWN_MEMBER }];
    const nested = nestedDto(dto, name);
    if (nested === undefined) return [];
    return Array.isArray(value)
      ? value.flatMap((item, index) => inheritedMemberNames(item, nested, `${pointer}/${index}/`))
      : inheritedMemberNames(value, nested, `${pointer}/`);
  });
}

/** The DTO that describes a member, if one does. */
function nestedDto(dto: Dto, name: string): Dto | undefined {
  if (name in Object.prototype) return undefined;
  const found = defaultMetadataStorage.findTypeMetadata(dto, name)?.typeFunction();
  return isDto(found) ? found : undefined;
}

function isDto(value: unknown): value is Dto {
  return typeof value === 'function';
}

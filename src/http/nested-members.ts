import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { type InputProblem } from '../errors/domain-error.js';
import { isRecord } from '../common/is-record.js';
import { escapePointer } from './json-limits.js';

type Members = Record<string, unknown>;
type Dto = new () => object;

export const UNKNOWN_MEMBER = 'There is no such member';

/**
 * Whether an input has no null and no inherited name at the levels that a DTO describes. Most inputs have none, and then
 * the functions below, which copy the input, are not needed.
 */
export function isTidy(input: Members, dto: Dto): boolean {
  for (const name of Object.keys(input)) {
    const value = input[name];
    if (value === null || name in Object.prototype) return false;
    if (typeof value !== 'object') continue;
    const nested = nestedDto(dto, name);
    if (nested === undefined) continue;
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (!items.every((item) => !isRecord(item) || isTidy(item, nested))) return false;
  }
  return true;
}

/**
 * Removes null members at every level that a DTO describes, because null counts as absent. Free-form JSON objects stay
 * unchanged.
 */
export function withoutNullNestedMembers(input: Members, dto: Dto): Members {
  const entries = Object.entries(input).filter(([, value]) => value !== null);
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const nested = nestedDto(dto, name);
      if (nested === undefined) return [name, value];
      const tidied = (item: unknown): unknown =>
        isRecord(item) ? withoutNullNestedMembers(item, nested) : item;
      return [name, Array.isArray(value) ? value.map(tidied) : tidied(value)];
    }),
  );
}

/**
 * Reports members that have the name of an inherited member such as `toString`, at every level that a DTO describes:
 * class-validator treats them as known.
 */
export function inheritedMemberNames(input: unknown, dto: Dto, prefix: string): InputProblem[] {
  if (!isRecord(input)) return [];
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

/** Returns the DTO of a member; undefined if it has none. */
function nestedDto(dto: Dto, name: string): Dto | undefined {
  if (name in Object.prototype) return undefined;
  const found = defaultMetadataStorage.findTypeMetadata(dto, name)?.typeFunction();
  return isDto(found) ? found : undefined;
}

function isDto(value: unknown): value is Dto {
  return typeof value === 'function';
}

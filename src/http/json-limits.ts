import { type InputProblem, InvalidInputError } from '../errors/domain-error.js';

/** Limits of a JSON body: nesting depth, members in total, elements per array, characters per string. */
export const JSON_LIMITS = { depth: 32, keys: 2_000, array: 1_000, string: 65_536 };

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** A violated limit. */
interface Violation {
  readonly rule: string;
  /** Names from the invalid value up to the body. */
  readonly path: string[];
}

/** Counts of one check. */
interface Counts {
  keys: number;
  readonly maxKeys: number;
}

/**
 * Asserts that a body keeps {@link JSON_LIMITS}, has no keys such as `__proto__`, no numbers that JSON parsers read
 * differently (RFC 8259 section 6, RFC 7493 section 2.2) and no text that PostgreSQL cannot store. It does not descend
 * below the permitted depth, so deep nesting does not overflow the stack. It allocates no object per valid value.
 *
 * @throws InvalidInputError
 */
export function assertJsonLimits(body: unknown, maxKeys = JSON_LIMITS.keys): void {
  const violation = violationOf(body, 0, { keys: 0, maxKeys });
  if (violation) throw refusal(violation);
}

/** The error for a body that has too many members. */
export function tooManyMembers(limit = JSON_LIMITS.keys): InvalidInputError {
  return refusal(violated(`must not have more than ${limit} members`));
}

/** The error for a body that is nested too deeply. */
export function tooDeep(limit = JSON_LIMITS.depth): InvalidInputError {
  return refusal(violated(`must not be nested deeper than ${limit}`));
}

function violationOf(value: unknown, depth: number, counts: Counts): Violation | undefined {
  if (typeof value === 'string') return violationOfText(value);
  if (typeof value === 'number') return violationOfNumber(value);
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= JSON_LIMITS.depth)
    return violated(`must not be nested deeper than ${JSON_LIMITS.depth}`);
  return Array.isArray(value)
    ? violationOfArray(value, depth, counts)
    : violationOfObject(value, depth, counts);
}

function violationOfArray(
  values: readonly unknown[],
  depth: number,
  counts: Counts,
): Violation | undefined {
  if (values.length > JSON_LIMITS.array)
    return violated(`must not have more than ${JSON_LIMITS.array} elements`);
  for (let index = 0; index < values.length; index += 1) {
    const violation = violationOf(values[index], depth + 1, counts);
    if (violation) return inside(String(index), violation);
  }
  return undefined;
}

function violationOfObject(value: object, depth: number, counts: Counts): Violation | undefined {
  const members = Object.entries(value);
  counts.keys += members.length;
  if (counts.keys > counts.maxKeys) throw tooManyMembers(counts.maxKeys);
  for (const [key, member] of members) {
    if (FORBIDDEN_KEYS.has(key)) return violated('has a member with a name that is not allowed');
    const ofKey = violationOfText(key);
    if (ofKey) return ofKey;
    const violation = violationOf(member, depth + 1, counts);
    if (violation) return inside(key, violation);
  }
  return undefined;
}

function violationOfText(text: string): Violation | undefined {
  if (text.length > JSON_LIMITS.string)
    return violated(`must not be longer than ${JSON_LIMITS.string} characters`);
  if (text.includes('\u0000')) return violated('must not contain U+0000');
  if (!text.isWellFormed()) return violated('must not contain a lone surrogate');
  return undefined;
}

function violationOfNumber(value: number): Violation | undefined {
  if (!Number.isFinite(value)) return violated('must be a finite number');
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    return violated('must be an integer within ±(2^53−1)');
  return undefined;
}

function violated(rule: string): Violation {
  return { rule, path: [] };
}

function inside(key: string, violation: Violation): Violation {
  violation.path.push(key);
  return violation;
}

function refusal({ rule, path }: Violation): InvalidInputError {
  const pointer = path
    .map((key) => `/${escapePointer(key)}`)
    .reverse()
    .join('');
  const what = pointer === '' ? 'The body' : 'The value';
  const problem: InputProblem = { pointer: pointer || '/', message: `${what} ${rule}` };
  return new InvalidInputError([problem]);
}

/** Escapes a member name for a JSON Pointer (RFC 6901 section 3). Shortens it to 100 characters. */
export function escapePointer(name: string): string {
  return name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
}

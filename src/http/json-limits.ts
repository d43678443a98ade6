import { type InputProblem, InvalidInputError } from '../errors/domain-error.js';

/** Limits of a JSON body: nesting depth, members in total, elements per array, characters per string. */
export const JSON_LIMITS = { depth: 32, keys: 2_000, array: 1_000, string: 65_536 };

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** A value of the body and its position. */
interface Visit {
  value: unknown;
  depth: number;
  key: string;
  parent: Visit | undefined;
}

/**
 * Asserts that a body keeps {@link JSON_LIMITS}, has no keys such as `__proto__`, no numbers that JSON parsers read
 * differently (RFC 8259 section 6, RFC 7493 section 2.2) and no text that PostgreSQL cannot store. Iterative, so that
 * deep nesting does not overflow the stack.
 *
 * @throws InvalidInputError
 */
export function assertJsonLimits(body: unknown, maxKeys = JSON_LIMITS.keys): void {
  let keys = 0;
  const root: Visit = { value: body, depth: 0, key: '', parent: undefined };
  const open = [root];
  for (let visit = open.pop(); visit; visit = open.pop()) {
    const { value, depth } = visit;
    if (typeof value === 'string') assertText(value, visit);
    if (typeof value === 'number') assertNumber(value, visit);
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= JSON_LIMITS.depth)
      refuse(visit, `must not be nested deeper than ${JSON_LIMITS.depth}`);
    if (Array.isArray(value) && value.length > JSON_LIMITS.array) {
      refuse(visit, `must not have more than ${JSON_LIMITS.array} elements`);
    }
    for (const [key, member] of Object.entries(value)) {
      if (!Array.isArray(value)) {
        assertKey(key, visit);
        if (++keys > maxKeys) refuse(root, `must not have more than ${maxKeys} members`);
      }
      open.push({ value: member, depth: depth + 1, key, parent: visit });
    }
  }
}

function assertKey(key: string, at: Visit): void {
  if (FORBIDDEN_KEYS.has(key)) refuse(at, 'has a member with a name that is not allowed');
  assertText(key, at);
}

function assertText(text: string, at: Visit): void {
  if (text.length > JSON_LIMITS.string) {
    refuse(at, `must not be longer than ${JSON_LIMITS.string} characters`);
  }
  if (text.includes('\u0000')) refuse(at, 'must not contain U+0000');
  if (!text.isWellFormed()) refuse(at, 'must not contain a lone surrogate');
}

function assertNumber(value: number, at: Visit): void {
  if (!Number.isFinite(value)) refuse(at, 'must be a finite number');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    refuse(at, 'must be an integer within ±(2^53−1)');
  }
}

function refuse(at: Visit, rule: string): never {
  const pointer = pointerTo(at);
  const what = pointer === '' ? 'The body' : 'The value';
  const problem: InputProblem = { pointer: pointer || '/', message: `${what} ${rule}` };
  throw new InvalidInputError([problem]);
}

/** Returns the JSON Pointer of a value (RFC 6901); empty for the body itself. */
function pointerTo({ key, parent }: Visit): string {
  return parent ? `${pointerTo(parent)}/${escapePointer(key)}` : '';
}

/** Escapes a member name for a JSON Pointer (RFC 6901 section 3). Shortens it to 100 characters. */
export function escapePointer(name: string): string {
  return name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
}

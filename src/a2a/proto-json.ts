import { isRecord } from '../common/is-record.js';
import type { InputProblem } from '../errors/domain-error.js';
import { parseTimestamp } from '../http/timestamp.js';

/**
 * Checks a value as ProtoJSON of the protocol. The SDK converts values of other types, so `{"messageId": {}}` would become
 * the text `[object Object]`.
 */
export type Check = (value: unknown, at: string) => InputProblem[];

const MAX_INT32 = 2 ** 31 - 1;

export const rule =
  (message: string, isValid: (value: unknown) => boolean): Check =>
  (value, at) =>
    isValid(value) ? [] : [{ pointer: at, message: `${at} must be ${message}` }];

export const TEXT = rule('a string', (value) => typeof value === 'string');
export const NAME = rule(
  'a string that is not empty',
  (value) => typeof value === 'string' && value !== '',
);
export const FLAG = rule('true or false', (value) => typeof value === 'boolean');
export const OBJECT = rule('a JSON object', isRecord);
export const ANY: Check = () => [];
export const TIME = rule(
  'a time such as 2026-01-31T12:00:00Z',
  (value) => typeof value === 'string' && parseTimestamp(value) !== undefined,
);

/** A whole number of at least `min`. */
export const integer = (min: number, max = MAX_INT32): Check =>
  rule(
    `a whole number from ${min} to ${max}`,
    (value) => typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max,
  );

export const oneOf = (...names: readonly string[]): Check =>
  rule(`one of ${names.join(', ')}`, (value) => typeof value === 'string' && names.includes(value));

export const listOf =
  (check: Check, min = 0): Check =>
  (value, at) => {
    if (!Array.isArray(value)) return [{ pointer: at, message: `${at} must be a list` }];
    if (value.length < min) return [{ pointer: at, message: `${at} must not be empty` }];
    return value.flatMap((item, index) => check(item, `${at}[${index}]`));
  };

/** An object with these members. Others are ignored, as the protocol requires. */
export function shape(
  members: Readonly<Record<string, Check>>,
  ...required: readonly string[]
): Check {
  return (value, at) => {
    if (!isRecord(value)) {
      const name = at === '' ? 'the parameters' : at;
      return [{ pointer: at, message: `${name} must be a JSON object` }];
    }
    const missing = required
      .filter((name) => memberOf(value, name) === undefined)
      .map((name) => ({ pointer: below(at, name), message: `${below(at, name)} is required` }));
    const wrong = Object.entries(members).flatMap(([name, check]) => {
      const member = memberOf(value, name);
      return member === undefined ? [] : check(member, below(at, name));
    });
    return [...missing, ...wrong];
  };
}

/**
 * Returns a member by its name in ProtoJSON, or else by its name in the Protocol Buffers, such as `page_size`: the SDK reads
 * both. Null means that the member is absent.
 */
export function memberOf(value: Readonly<Record<string, unknown>>, name: string): unknown {
  const protoName = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return value[name] ?? value[protoName] ?? undefined;
}

function below(at: string, name: string): string {
  return at === '' ? name : `${at}.${name}`;
}

import { HUMAN_CLAIM } from '../config/human-claim.js';
import type { AgentKind } from './agent.js';
import { isRecord } from '../common/is-record.js';

type TokenClaims = Record<string, unknown>;

/** Returns whether the claims of a token meet one condition. */
type Condition = (claims: TokenClaims) => boolean;

/**
 * Compiles the conditions of `HUMAN_CLAIMS` into one check of the claims of a token. The subject is human if all
 * conditions are met. Without conditions no subject is human.
 *
 * - `claim`: the claim is present and not empty
 * - `!claim`: the claim is absent
 * - `claim=value`: the claim is the value, or a list that contains it
 * - `!claim=value`: the claim is absent or has another value
 * - `claim!=value`: the claim is present and has another value
 *
 * `*` in a value matches any text. A claim that is not a string, number, boolean or list of those meets only `claim`.
 */
export function humanCheck(conditions: readonly string[]): (claims: unknown) => AgentKind {
  const checks = conditions.map(conditionOf);
  return (claims) =>
    checks.length > 0 && isRecord(claims) && checks.every((check) => check(claims))
      ? 'human'
      : 'agent';
}

function conditionOf(text: string): Condition {
  const { not, name = '', operator, value = '' } = HUMAN_CLAIM.exec(text)?.groups ?? {};
  if (name === '') throw new Error(`HUMAN_CLAIMS contains an invalid condition: ${text}`);
  if (operator === undefined) {
    return not
      ? (claims) => isAbsent(claimOf(claims, name))
      : (claims) => hasValue(claimOf(claims, name));
  }
  const pattern = patternOf(value);
  return (claims) => {
    const claim = claimOf(claims, name);
    if (isAbsent(claim)) return not !== undefined;
    const values = valuesOf(claim);
    if (values === undefined) return false;
    const isIn = values.some((each) => pattern.test(each));
    return isIn === (not === undefined && operator === '=');
  };
}

/** Returns a claim by its full name, else by a path of names separated by dots. */
function claimOf(claims: TokenClaims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name
    .split('.')
    .reduce<unknown>(
      (value, step) => (isRecord(value) && Object.hasOwn(value, step) ? value[step] : undefined),
      claims,
    );
}

function isAbsent(claim: unknown): boolean {
  return claim === undefined || claim === null;
}

function hasValue(claim: unknown): boolean {
  const isEmpty = claim === '' || claim === false || (Array.isArray(claim) && claim.length === 0);
  return !isAbsent(claim) && !isEmpty;
}

/** Returns the values of a claim as strings; undefined if they cannot be compared. */
function valuesOf(claim: unknown): string[] | undefined {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  const texts = values.filter(isComparable).map(String);
  return texts.length > 0 && texts.length === values.length ? texts : undefined;
}

function isComparable(value: unknown): value is string | number | boolean {
  return ['string', 'number', 'boolean'].includes(typeof value);
}

function patternOf(value: string): RegExp {
  const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);
  return new RegExp(`^${value.split(/\*+/).map(literal).join('.*')}$`, 's');
}

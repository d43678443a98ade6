import { HUMAN_CLAIM } from '../config/human-claim.js';
import type { AgentKind } from './agent.js';
import { isRecord } from './is-record.js';

type Claims = Record<string, unknown>;

/** Whether the claims of a token meet one condition. */
type Condition = (claims: Claims) => boolean;

/**
 * Compiles the conditions of `HUMAN_CLAIMS` into one check of a token's claims. A subject is human if its token meets
 * all of them; without conditions nobody is.
 *
 * `claim`: it is there and says something. `!claim`: it is absent. `claim=value`: it is, or lists, the value.
 * `!claim=value`: it is absent, or other. `claim!=value`: it is there, and other. `*` in a value stands for any text.
 * A claim of another shape than text, number, flag or a list of those meets none but the first.
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
  if (name === '') throw new Error(`HUMAN_CLAIMS holds no condition: ${text}`);
  if (operator === undefined) {
    return not
      ? (claims) => isAbsent(claimOf(claims, name))
      : (claims) => saysSomething(claimOf(claims, name));
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

/** A claim by its whole name, else by the names on the way to it, separated by full stops. */
function claimOf(claims: Claims, name: string): unknown {
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

function saysSomething(claim: unknown): boolean {
  const isEmpty = claim === '' || claim === false || (Array.isArray(claim) && claim.length === 0);
  return !isAbsent(claim) && !isEmpty;
}

/** Undefined where a claim is nothing that could be compared. */
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

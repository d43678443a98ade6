import { closestName } from '../common/closest-name.js';
import type { Variables } from './validated.js';

/** A variable that has no effect, and the one that its name resembles. */
export interface MisspelledVariable {
  readonly name: string;
  readonly meant: string;
}

/** Variables that shells, Node, proxies and container platforms set. They resemble ours by accident. */
const OF_OTHERS =
  /^(HOME|HOSTNAME|HOSTTYPE|POST|LOGNAME|NODE_(OPTIONS|PATH|VERSION)|npm_.*|PG[A-Z]+)$/;

/**
 * Returns the variables whose names resemble known ones, such as `PROT` for `PORT`: up to two edits, another letter case,
 * or the last word left out (`OIDC_ISSUER` for `OIDC_ISSUER_URL`).
 */
export function misspelledVariables(
  variables: Variables,
  known: readonly string[],
): MisspelledVariable[] {
  const lowerCase = new Map(known.map((name) => [name.toLowerCase(), name]));
  return Object.keys(variables)
    .filter((name) => variables[name] && !known.includes(name) && !OF_OTHERS.test(name))
    .flatMap((name) => {
      const meant = lowerCase.get(closest(name.toLowerCase(), [...lowerCase.keys()]) ?? '');
      return meant === undefined ? [] : [{ name, meant }];
    });
}

function closest(name: string, known: readonly string[]): string | undefined {
  if (known.includes(name)) return name;
  const longer = known.find((other) => name.includes('_') && isOneWordLonger(other, name));
  return longer ?? closestName(name, known);
}

function isOneWordLonger(other: string, name: string): boolean {
  return other.startsWith(`${name}_`) && !other.slice(name.length + 1).includes('_');
}

/** Returns the warning about a misspelled variable. It does not contain the value. */
export function misspellingWarning({ name, meant }: MisspelledVariable): string {
  return `${JSON.stringify(name)} has no effect; did you mean ${meant}?`;
}

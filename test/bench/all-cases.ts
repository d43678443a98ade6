import { type Case, CASES } from './cases.js';
import { GROWTH_CASES } from './growth-cases.js';

export function caseOf(name: string): Case {
  const found = CASES[name] ?? GROWTH_CASES[name];
  if (!found) throw new Error(`no case ${name}`);
  return found;
}

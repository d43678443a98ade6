import { INVISIBLE_CHARACTERS, READABLE_CHARACTER } from './invisible-characters.js';

/**
 * Name of a role or of a task type: 1 to 50 characters (the size of the columns), at least one of them readable, none
 * invisible, no comma (lists in queries and variables are comma-separated), no white space at either end.
 */
export const NAME = new RegExp(
  `^(?!\\s)(?=.*${READABLE_CHARACTER})[^,${INVISIBLE_CHARACTERS}]{1,50}(?<!\\s)$`,
  'u',
);

/** Rule of earlier versions. Names in the database may follow it. */
export const STORED_NAME = /^(?!\s)[^\p{C}\p{Zl}\p{Zp}]{1,50}(?<!\s)$/u;

/**
 * Normalizes a name to NFC (Unicode Standard Annex 15). Names are compared by code points, so two spellings that look the
 * same would otherwise be two names.
 */
export function toNfc(name: string): string {
  return name.normalize('NFC');
}

/** Normalizes a value of unknown type: a string, or each string of an array. Other values are unchanged. */
export function inNfc(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inNfc);
  return typeof value === 'string' ? toNfc(value) : value;
}

import { INVISIBLE_CHARACTERS, READABLE_CHARACTER } from './invisible-characters.js';

/**
 * A name of a role or of a task type: 1 to 50 characters, as many as the columns hold, at least one of them readable,
 * none invisible, no comma (lists in queries and variables are separated by commas), no white space at either end.
 */
export const NAME = new RegExp(
  `^(?!\\s)(?=.*${READABLE_CHARACTER})[^,${INVISIBLE_CHARACTERS}]{1,50}(?<!\\s)$`,
  'u',
);

/** The rule of earlier versions, by which names may be stored. */
export const STORED_NAME = /^(?!\s)[^\p{C}\p{Zl}\p{Zp}]{1,50}(?<!\s)$/u;

/**
 * The one spelling of a name: NFC (Unicode Standard Annex 15). Names are compared character by character, so two
 * spellings that look the same would be two names.
 */
export function toNfc(name: string): string {
  return name.normalize('NFC');
}

/** The same of a value of unknown type: a string, or each string of an array. */
export function inNfc(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inNfc);
  return typeof value === 'string' ? toNfc(value) : value;
}

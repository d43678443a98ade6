/**
 * What leaves no mark on a page: control, format and unassigned characters, line and paragraph separators, and those
 * that Unicode lets a renderer ignore (Default_Ignorable_Code_Point) or draws as nothing. White space is not among them.
 * The inside of a character class of a regular expression with the flag `u`.
 */
export const INVISIBLE_CHARACTERS =
  '\\p{C}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\u{2800}\\u{1D159}';

/** A letter, digit, punctuation mark or symbol: combining marks alone are nothing that a person can read. */
export const READABLE_CHARACTER = `(?![${INVISIBLE_CHARACTERS}])[\\p{L}\\p{N}\\p{P}\\p{S}]`;

const READABLE = new RegExp(READABLE_CHARACTER, 'u');

/** Whether a text has nothing that a person can read. */
export function isBlank(text: string): boolean {
  return !READABLE.test(text);
}

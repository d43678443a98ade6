/**
 * Invisible characters, as the content of a character class of a regular expression with the flag `u`: control, format and
 * unassigned characters, line and paragraph separators, default-ignorable code points (Unicode property
 * Default_Ignorable_Code_Point) and characters with an empty glyph. White space is not included.
 */
export const INVISIBLE_CHARACTERS =
  '\\p{C}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\u{2800}\\u{FFFC}\\u{13441}\\u{13442}\\u{1D159}';

/** A letter, digit, punctuation mark or symbol. Combining marks alone do not count as readable. */
export const READABLE_CHARACTER = `(?![${INVISIBLE_CHARACTERS}])[\\p{L}\\p{N}\\p{P}\\p{S}]`;

const READABLE = new RegExp(READABLE_CHARACTER, 'u');

/** Whether a text has no readable character. */
export function isBlank(text: string): boolean {
  return !READABLE.test(text);
}

import { INVISIBLE_CHARACTERS } from './invisible-characters.js';

/**
 * Characters that can start a line, move the cursor, change the direction of text or hide text. Joiners and variation
 * selectors are not included, because scripts and emoji require them.
 */
const ESCAPED = new RegExp(`(?![\\u200c\\u200d\\ufe0e\\ufe0f])[${INVISIBLE_CHARACTERS}]`, 'gu');

/** Printable ASCII, which has none of these characters. Most texts consist of it, and this test is much cheaper. */
const PRINTABLE_ASCII = /^[ -~]*$/;

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Escapes a text as in JSON strings, so that it is one line and no value in it can forge another. JSON stays valid JSON. */
export function oneLine(text: string): string {
  if (PRINTABLE_ASCII.test(text)) return text;
  return text.replace(ESCAPED, (character) => SHORT[character] ?? unicodeEscape(character));
}

function unicodeEscape(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}

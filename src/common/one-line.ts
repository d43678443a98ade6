import { INVISIBLE_CHARACTERS } from './invisible-characters.js';

/**
 * All that could begin a line, move the cursor, turn the direction of text or hide something, but for the joiners and
 * the variation selectors that scripts and emoji need.
 */
const ESCAPED = new RegExp(`(?![\\u200c\\u200d\\ufe0e\\ufe0f])[${INVISIBLE_CHARACTERS}]`, 'gu');

const SHORT: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** A text as one line, with escapes as JSON has them, so that no value in it can forge another line. JSON stays JSON. */
export function oneLine(text: string): string {
  return text.replace(ESCAPED, (character) => SHORT[character] ?? unicodeEscape(character));
}

function unicodeEscape(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}

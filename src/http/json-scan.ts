/** Limits that a JSON text must keep before it is parsed. */
export interface ScanLimits {
  /** Members of all objects together. */
  readonly members: number;
  /** Nesting depth. */
  readonly depth: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Bytes of the shortest member: `"":1`. */
const MIN_MEMBER_BYTES = 4;

/**
 * Returns the limit that a JSON text exceeds, without parsing it: the cost of the parser grows with the number of
 * different names and with the depth. Reads each byte once and stops at the first violation. A text that is too short
 * to exceed a limit is not read. The result for a text that is not JSON has no meaning, because the parser refuses it.
 */
export function exceededLimit(
  text: Uint8Array,
  { members, depth }: ScanLimits,
): keyof ScanLimits | undefined {
  if (text.length <= Math.min(members * MIN_MEMBER_BYTES, depth)) return undefined;
  let found = 0;
  let level = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case COLON:
        if (++found > members) return 'members';
        break;
      case OPEN_ARRAY:
      case OPEN_OBJECT:
        if (++level > depth) return 'depth';
        break;
      case CLOSE_ARRAY:
      case CLOSE_OBJECT:
        level -= 1;
        break;
      default:
    }
  }
  return undefined;
}

/** Returns the position of the quote that ends a string, or a position behind the text. */
function endOfString(text: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== QUOTE) at += text[at] === BACKSLASH ? 2 : 1;
  return at;
}

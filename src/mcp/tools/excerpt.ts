import type { Members } from './tool.js';

/** Largest size of `structuredContent` in bytes of JSON. The text repeats it with each quote escaped. */
const MAX_BYTES = 80 * 1024;
/** Lengths to truncate members to, in characters. The first one that makes the result fit is used. */
const PREVIEWS = [8_000, 2_000, 300, 100, 30, 0];
/** Longest member in a list, in characters. */
const OF_LIST = 300;

/** Description of `cut` and `previews` in an output schema. */
export const CUT =
  'cut lists the truncated members: a string is shortened, an object is null with the beginning of its JSON in previews. Read the full value with read_detail.';

/** Truncates the named members of an object if it does not fit into a result. */
export function fitToLimit(item: Members, names: readonly string[]): Members {
  return firstThatFits([Number.POSITIVE_INFINITY, ...PREVIEWS], (chars) =>
    excerpt(item, names, chars),
  );
}

/** Truncates the named members of each item of a list. */
export function fitListToLimit(items: readonly Members[], names: readonly string[]): Members[] {
  return firstThatFits(
    PREVIEWS.filter((chars) => chars <= OF_LIST),
    (chars) => items.map((item) => excerpt(item, names, chars)),
  );
}

/** Returns at most `chars` characters of a text, with an ellipsis if it was shortened. */
export function truncate(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars).toWellFormed()}…`;
}

function firstThatFits<T>(lengths: readonly number[], make: (chars: number) => T): T {
  const last = lengths.length - 1;
  const fitting = lengths.find(
    (chars, n) => n === last || Buffer.byteLength(JSON.stringify(make(chars))) <= MAX_BYTES,
  );
  return make(fitting ?? 0);
}

function excerpt(item: Members, names: readonly string[], chars: number): Members {
  const cut = names.filter((name) => jsonOf(item[name]).length > chars);
  const shown: Members = {};
  const previews: Members = {};
  for (const name of cut) {
    const value = item[name];
    shown[name] = typeof value === 'string' ? truncate(value, chars) : null;
    if (typeof value !== 'string') previews[name] = truncate(jsonOf(value), chars);
  }
  return { ...item, ...shown, cut, ...(Object.keys(previews).length > 0 && { previews }) };
}

function jsonOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

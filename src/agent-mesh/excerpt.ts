import type { Members } from './tool.js';

/** How many bytes of JSON the structured part of an answer has at most. The text repeats it, with each quote escaped. */
const MAX_BYTES = 80 * 1024;
/** How many characters of a member are shown, where not all of it fits. */
const PREVIEWS = [8_000, 2_000, 300, 100, 30, 0];
/** How many characters of a member a list shows. */
const OF_LIST = 300;

/** What an answer says of the members that it does not show whole. */
export const CUT =
  'cut names the members that are not shown whole: of a text the beginning is shown, of an object it is in previews; read_detail reads them.';

/** A thing whose named members are shown whole if they fit, else their beginnings. */
export function fitted(item: Members, names: readonly string[]): Members {
  return firstThatFits([Number.POSITIVE_INFINITY, ...PREVIEWS], (chars) =>
    excerpt(item, names, chars),
  );
}

/** The things of a list, each with the beginnings of its named members. */
export function fittedList(items: readonly Members[], names: readonly string[]): Members[] {
  return firstThatFits(
    PREVIEWS.filter((chars) => chars <= OF_LIST),
    (chars) => items.map((item) => excerpt(item, names, chars)),
  );
}

/** The beginning of a text, of so many characters, and a sign that there is more. */
export function beginning(text: string, chars: number): string {
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
    shown[name] = typeof value === 'string' ? beginning(value, chars) : null;
    if (typeof value !== 'string') previews[name] = beginning(jsonOf(value), chars);
  }
  return { ...item, ...shown, cut, ...(Object.keys(previews).length > 0 && { previews }) };
}

function jsonOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

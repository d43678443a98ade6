import { InvalidInputError } from '../errors/domain-error.js';
import type { RowPage } from './sql.js';

/** The position of a row in a list ordered by time and id. The next page starts after it. */
export interface Keyset {
  /** ISO 8601 in UTC, with microseconds. */
  at: string;
  id: string;
  /** The sort key that precedes the time, if the list has one. */
  sortRank?: number;
}

/** A list with pages. A cursor is valid only for the list that returned it. */
export type CursorKind = 'tasks' | 'inbox' | 'sessions' | 'approvals' | 'events' | 'changes';

const PATTERN =
  /^([a-z]+)\|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\|(\d))?$/;

/** SQL that selects the time of a row's position as text, because a JavaScript Date would lose the microseconds. */
export function keysetAt(column: string): string {
  return `(${column} AT TIME ZONE 'UTC')::text`;
}

export function encodeCursor(list: CursorKind, { at, id, sortRank }: Keyset): string {
  const position = [list, at, id, ...(sortRank === undefined ? [] : [sortRank])].join('|');
  return Buffer.from(position).toString('base64url');
}

/**
 * Decodes a cursor of {@link encodeCursor} for the same list.
 *
 * @throws InvalidInputError if it is any other text
 */
export function decodeCursor(list: CursorKind, cursor: string): Keyset {
  const [, , at, id, sortRank] =
    PATTERN.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (at === undefined || id === undefined || Number.isNaN(Date.parse(at))) throw badCursor();
  const keyset: Keyset = {
    at,
    id,
    ...(sortRank !== undefined && { sortRank: Number(sortRank) }),
  };
  if (encodeCursor(list, keyset) !== cursor) throw badCursor();
  return keyset;
}

function badCursor(): InvalidInputError {
  return new InvalidInputError([
    { pointer: '?cursor', message: 'cursor must be the next_cursor of the previous page' },
  ]);
}

/** A row with the time of its position, as {@link keysetAt} selects it. */
export interface CursorRow {
  keyset_at: string;
  /** Of a row of `mergeRanges`: false if it is not in the list, but ends a range. */
  is_match?: boolean;
  /** Of a row of `mergeRanges`: the page ends with this row, because a range is not read further. */
  is_last_read?: boolean;
}

/**
 * Builds one page. The query must select `size` + 1 rows: the extra row shows that another page follows.
 *
 * @param cursorKeyOf the rest of a row's position; by default the row's id
 */
export function toPage<Row extends CursorRow & { id: string }>(
  list: CursorKind,
  found: RowPage<Row>,
  size: number,
  cursorKeyOf: (row: Row) => Omit<Keyset, 'at'> = ({ id }) => ({ id }),
): { rows: Row[]; next_cursor: string | null } {
  const { page, last } = cutPage(found, size);
  return {
    rows: page,
    next_cursor: last
      ? encodeCursor(list, { at: isoTimeOf(last.keyset_at), ...cursorKeyOf(last) })
      : null,
  };
}

/** Returns the rows of one page, and the row after which the next page begins; undefined if no page follows. */
export function cutPage<Row extends CursorRow>(
  { rows, isTruncated }: RowPage<Row>,
  size: number,
): { page: Row[]; last: Row | undefined } {
  const end = rows.findIndex(({ is_last_read }) => is_last_read === true);
  const read = end === -1 ? rows : rows.slice(0, end + 1);
  const matches = read.filter(({ is_match }) => is_match !== false);
  const page = matches.slice(0, size);
  if (matches.length > size) return { page, last: page.at(-1) };
  return { page, last: isTruncated || end !== -1 ? read.at(-1) : undefined };
}

/** Converts PostgreSQL's text of a timestamp, which has no trailing zeros and a space instead of the T. */
export function isoTimeOf(text: string): string {
  const [day = '', time = ''] = text.split(' ');
  const [seconds = '', fraction = ''] = time.split('.');
  return `${day}T${seconds}.${fraction.padEnd(6, '0')}Z`;
}

import { InvalidInputError } from '../errors/domain-error.js';
import type { Listed } from './sql.js';

/** The position of a row in a list ordered by time and id. The next page starts after it. */
export interface Keyset {
  /** ISO 8601 in UTC, with microseconds. */
  at: string;
  id: string;
  /** The sort key that precedes the time, if the list has one. */
  rank?: number;
}

/** A list with pages. A cursor is valid only for the list that returned it. */
export type ListName = 'tasks' | 'inbox' | 'sessions' | 'approvals' | 'events';

const PATTERN =
  /^([a-z]+)\|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\|(\d))?$/;

/** SQL that selects the time of a row's position as text, because a JavaScript Date would lose the microseconds. */
export function keysetAt(column: string): string {
  return `(${column} AT TIME ZONE 'UTC')::text`;
}

export function encodeCursor(list: ListName, { at, id, rank }: Keyset): string {
  const position = [list, at, id, ...(rank === undefined ? [] : [rank])].join('|');
  return Buffer.from(position).toString('base64url');
}

/**
 * Decodes a cursor of {@link encodeCursor} for the same list.
 *
 * @throws InvalidInputError if it is any other text
 */
export function decodeCursor(list: ListName, cursor: string): Keyset {
  const [, , at, id, rank] =
    PATTERN.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (at === undefined || id === undefined || Number.isNaN(Date.parse(at))) throw badCursor();
  const keyset = { at, id, ...(rank !== undefined && { rank: Number(rank) }) };
  if (encodeCursor(list, keyset) !== cursor) throw badCursor();
  return keyset;
}

function badCursor(): InvalidInputError {
  return new InvalidInputError([
    { pointer: '?cursor', message: 'cursor must be the next_cursor of the previous page' },
  ]);
}

/** A row with the time of its position, as {@link keysetAt} selects it. */
export interface Placed {
  keyset_at: string;
}

/**
 * Builds one page. The query must select `size` + 1 rows: the extra row shows that another page follows.
 *
 * @param placeOf the rest of a row's position; by default the row's id
 */
export function pageOf<Row extends Placed & { id: string }>(
  list: ListName,
  { rows, isCut }: Listed<Row>,
  size: number,
  placeOf: (row: Row) => Omit<Keyset, 'at'> = ({ id }) => ({ id }),
): { rows: Row[]; next_cursor: string | null } {
  const page = rows.slice(0, size);
  const last = isCut || rows.length > size ? page.at(-1) : undefined;
  return {
    rows: page,
    next_cursor: last ? encodeCursor(list, { at: timeOf(last.keyset_at), ...placeOf(last) }) : null,
  };
}

/** Converts PostgreSQL's text of a timestamp, which has no trailing zeros and a space instead of the T. */
function timeOf(text: string): string {
  const [day = '', time = ''] = text.split(' ');
  const [seconds = '', fraction = ''] = time.split('.');
  return `${day}T${seconds}.${fraction.padEnd(6, '0')}Z`;
}

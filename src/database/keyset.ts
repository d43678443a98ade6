import { InvalidInputError } from '../errors/domain-error.js';
import type { Listed } from './sql.js';

/** A place in a list ordered by time and id: the row it comes after. The time is exact to the microsecond. */
export interface Keyset {
  at: string;
  id: string;
  /** What the list is ordered by before the time, if anything. */
  rank?: number;
}

/** A list that is read page by page; its cursors are of no use in another. */
export type ListName = 'tasks' | 'inbox' | 'sessions' | 'approvals' | 'events';

const PATTERN =
  /^([a-z]+)\|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\|(\d))?$/;

/** SQL for when a row's place in its list is, for {@link pageOf}: a JavaScript Date would lose the microseconds. */
export function keysetAt(column: string): string {
  return `(${column} AT TIME ZONE 'UTC')::text`;
}

export function encodeCursor(list: ListName, { at, id, rank }: Keyset): string {
  const place = [list, at, id, ...(rank === undefined ? [] : [rank])].join('|');
  return Buffer.from(place).toString('base64url');
}

/** Reads a cursor that {@link encodeCursor} made for this list; anything else is refused. */
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
    { pointer: '?cursor', message: 'cursor must be the next_cursor of the page before' },
  ]);
}

/** A row with the time of its place in its list, as {@link keysetAt} tells it. */
export interface Placed {
  keyset_at: string;
}

/**
 * One page out of what was found, of which one more than `size` was asked for, to know whether another page follows.
 *
 * @param placeOf the rest of a row's place, where it is not the row's own id
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

/** Postgres leaves out the zeros at the end, and writes a space for the T. */
function timeOf(text: string): string {
  const [day = '', time = ''] = text.split(' ');
  const [seconds = '', fraction = ''] = time.split('.');
  return `${day}T${seconds}.${fraction.padEnd(6, '0')}Z`;
}

import { InvalidInputError } from '../errors/domain-error.js';

/** A place in a list ordered by time and id: the row it comes after. The time is exact to the microsecond. */
export interface Keyset {
  at: string;
  id: string;
  /** What the list is ordered by before the time, if anything. */
  rank?: number;
}

const PATTERN =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\|(\d))?$/;

/** SQL for a row's place in its list; a JavaScript Date would lose the microseconds. */
export function keysetAt(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

export function encodeCursor({ at, id, rank }: Keyset): string {
  const place = [at, id, ...(rank === undefined ? [] : [rank])].join('|');
  return Buffer.from(place).toString('base64url');
}

/** Reads a cursor that {@link encodeCursor} made; anything else is refused. */
export function decodeCursor(cursor: string): Keyset {
  const [, at, id, rank] = PATTERN.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (at === undefined || id === undefined || Number.isNaN(Date.parse(at))) throw badCursor();
  const keyset = { at, id, ...(rank !== undefined && { rank: Number(rank) }) };
  if (encodeCursor(keyset) !== cursor) throw badCursor();
  return keyset;
}

function badCursor(): InvalidInputError {
  return new InvalidInputError([
    { pointer: '?cursor', message: 'cursor must be the next_cursor of the page before' },
  ]);
}

/** A row with its place in its list. */
export interface Placed {
  keyset_at: string;
  /** Where that is not the row's own id. */
  keyset_id?: string;
  keyset_rank?: number;
}

/** One page out of `rows`, of which one more than `size` was asked for, to know whether another page follows. */
export function pageOf<Row extends Placed & { id: string }>(
  rows: readonly Row[],
  size: number,
): { rows: Row[]; next_cursor: string | null } {
  const page = rows.slice(0, size);
  const last = rows.length > size ? page.at(-1) : undefined;
  return { rows: page, next_cursor: last ? encodeCursor(placeOf(last)) : null };
}

function placeOf({
  id,
  keyset_at: at,
  keyset_id,
  keyset_rank: rank,
}: Placed & { id: string }): Keyset {
  return { at, id: keyset_id ?? id, ...(rank !== undefined && { rank }) };
}

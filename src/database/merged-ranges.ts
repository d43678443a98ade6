/**
 * Maximum number of rows of one range that a list reads to check a condition which its index does not contain. The page
 * ends there, with a cursor, however few rows it has.
 */
export const MAX_READ = 2_000;

/** Limits of ranges. Literals, because for a parameter the generic plan assumes a tenth of all rows. */
const LIMITS = [21, 101, 501] as const;

/** Ranges of one index that contain rows of a list, each in the order of the list. */
export interface Ranges {
  /** FROM item with one row for each range, such as `unnest($1::text[]) AS k(role)`. Default: one range. */
  readonly each?: string | undefined;
  /** SELECT of the time `at` and the `id` of each row, with a WHERE clause and without ORDER BY. */
  readonly select: string;
  /** Condition on the row `r` that the index does not contain. */
  readonly check?: string | undefined;
}

/** Columns of the position `m` of a row that the page needs. */
export const MERGED_COLUMNS = 'm.is_match, m.is_last_read';

/**
 * Returns a SELECT of the first positions `at` and `id` that the ranges contain, each once, in the order of the list.
 * `is_match` is false for a position that only ends a range, and `is_last_read` is true for one that ends it before its
 * end.
 *
 * @param limit the maximum number of positions, or its placeholder
 */
export function mergeRanges(
  ranges: readonly Ranges[],
  direction: 'ASC' | 'DESC',
  limit: number | string,
): string {
  const order = `at ${direction}, id ${direction}`;
  const most = typeof limit === 'number' ? literalLimit(limit) : limit;
  const parts = ranges.map((range) => firstOf(range, order, most));
  return `
    SELECT at, id, bool_or(is_match) AS is_match, bool_or(is_last_read) AS is_last_read
      FROM (${parts.join('\n            UNION ALL ')}) u
     GROUP BY at, id ORDER BY ${order} LIMIT ${most}`;
}

/**
 * Returns a SELECT of the number of rows that the ranges contain, as `total`, and whether it stops before the end of one
 * of them, as `is_cut`. OFFSET 0 keeps PostgreSQL from joining the ranges with the whole table.
 *
 * @param most the number of rows after which it stops
 */
export function countRanges(ranges: readonly Ranges[], most: number): string {
  const parts = ranges.map(({ each, select, check }) => {
    const rows =
      each === undefined ? `(${select}) r` : `${each} CROSS JOIN LATERAL (${select} OFFSET 0) r`;
    const columns = `r.id, ${check === undefined ? 'true' : `(${check})`} AS is_match`;
    return `SELECT id, is_match, row_number() OVER () > ${most} AS is_last
              FROM (SELECT ${columns} FROM ${rows} LIMIT ${most + 1}) c`;
  });
  return `
    SELECT count(*) FILTER (WHERE is_match)::integer AS total, coalesce(bool_or(is_last), false) AS is_cut
      FROM (SELECT id, bool_or(is_match) AS is_match, bool_or(is_last) AS is_last
              FROM (${parts.join('\n            UNION ALL ')}) u GROUP BY id) n`;
}

function firstOf({ each, select, check }: Ranges, order: string, most: number | string): string {
  const range =
    check === undefined
      ? `SELECT at, id, true AS is_match, false AS is_last_read FROM (${select}) r ORDER BY ${order} LIMIT ${most}`
      : checked(`${select} ORDER BY ${order} LIMIT ${MAX_READ}`, check, most);
  if (each === undefined) return `(${range})`;
  return `SELECT x.* FROM ${each} CROSS JOIN LATERAL (${range}) x`;
}

/** Stops at the limit, or at the end of the rows. OFFSET 0 keeps PostgreSQL from evaluating the check twice. */
function checked(rows: string, check: string, most: number | string): string {
  return `
    SELECT at, id, is_match, n = ${MAX_READ} AS is_last_read
      FROM (SELECT r.at, r.id, r.n, coalesce((${check}), false) AS is_match
              FROM (SELECT s.*, row_number() OVER () AS n FROM (${rows}) s) r OFFSET 0) c
     WHERE is_match OR n = ${MAX_READ} LIMIT ${most}`;
}

function literalLimit(limit: number): number {
  return LIMITS.find((literal) => literal >= limit) ?? limit;
}

/**
 * The `date-time` of RFC 3339 section 5.6 with upper-case `T` and `Z`, hours 00 to 23, an offset of at most ±23:59 and a
 * fraction of any length.
 */
const TIMESTAMP =
  /^(?!0000)(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Years 0001 to 9999: the offset can move a time out of the range of RFC 3339. */
const YEAR = /^(?!0000)\d{4}-/;

/** Longest accepted text. */
const MAX_LENGTH = 100;

/**
 * Converts an RFC 3339 time to UTC with microseconds, the precision of PostgreSQL, such as
 * `2026-01-31T12:00:00.123456Z`. Finer fractions are truncated. A leap second (23:59:60 UTC) becomes the following second.
 * Returns undefined if the text is not such a time.
 */
export function parseTimestamp(text: string): string | undefined {
  const [, minute, second, fraction = '', offset] =
    (text.length <= MAX_LENGTH && TIMESTAMP.exec(text)) || [];
  if (minute === undefined || second === undefined || offset === undefined) return undefined;
  const day = minute.slice(0, 10);
  // Date converts 31 February to a day in March.
  if (!new Date(`${day}T00:00:00Z`).toISOString().startsWith(day)) return undefined;
  const isLeap = second === '60';
  const time = new Date(`${minute}:${isLeap ? '59' : second}${offset}`);
  if (isLeap && !time.toISOString().includes('T23:59:59')) return undefined;
  const utc = new Date(time.getTime() + (isLeap ? 1_000 : 0)).toISOString();
  if (!YEAR.test(utc)) return undefined;
  const micros = isLeap ? '' : fraction.slice(0, 6);
  return `${utc.slice(0, 19)}.${micros.padEnd(6, '0')}Z`;
}

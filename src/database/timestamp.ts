import pg from 'pg';

const parse = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ, 'text') as (
  text: string,
) => Date;

/**
 * A Date that caches its JSON text, because `Date.toJSON` formats the text on each call. Do not call its setters: the
 * text would not follow.
 */
class Timestamp extends Date {
  /** @param json a time in the format of `Date.toJSON` */
  constructor(private readonly json: string) {
    super(json);
  }

  override toJSON(): string {
    return this.json;
  }
}

/** Returns SQL for the text of a `timestamptz` in JSON: that of {@link readTimestamp}, in UTC with milliseconds. */
export function jsonTime(timestamp: string): string {
  return `to_char(${timestamp} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** Parses a `timestamptz` in text format. Truncates it to milliseconds, the precision of a Date. */
export function readTimestamp(text: string): Date {
  // The fast path is for UTC and years of four digits: nearly all timestamps.
  if (text[4] !== '-' || !text.endsWith('+00')) return parse(text);
  // PostgreSQL omits trailing zeros of the fraction.
  const milliseconds = text.slice(20, -3).slice(0, 3).padEnd(3, '0');
  return new Timestamp(`${text.slice(0, 10)}T${text.slice(11, 19)}.${milliseconds}Z`);
}

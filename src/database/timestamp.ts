import pg from 'pg';

const parse = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ, 'text') as (
  text: string,
) => Date;

/**
 * A point in time that knows how it is written as JSON, since that is the text it was made of; a Date makes it anew each
 * time. So it is not to be set to another time.
 */
class Timestamp extends Date {
  /** @param json as `Date.toJSON` writes it */
  constructor(private readonly json: string) {
    super(json);
  }

  override toJSON(): string {
    return this.json;
  }
}

/** Reads a `timestamptz` that was sent as text, cut to milliseconds, which are what a Date has. */
export function readTimestamp(text: string): Date {
  // In UTC and with four digits of a year, as nearly all are.
  if (text[4] !== '-' || !text.endsWith('+00')) return parse(text);
  // Postgres leaves out the zeros at the end of a fraction.
  const milliseconds = text.slice(20, -3).slice(0, 3).padEnd(3, '0');
  return new Timestamp(`${text.slice(0, 10)}T${text.slice(11, 19)}.${milliseconds}Z`);
}

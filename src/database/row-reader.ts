import pg from 'pg';

/** One row as it comes from Postgres: each value as text, or null. */
export type RawRow = readonly (string | null)[];

/** A column, as Postgres describes it before the rows. */
export interface Field {
  readonly name: string;
  readonly dataTypeID: Parameters<typeof pg.types.getTypeParser>[0];
}

type Parser = (text: string) => unknown;

/** Turns raw rows into objects, by what Postgres said of their columns. */
export class RowReader {
  private readonly names: readonly string[];
  private readonly parsers: readonly Parser[];

  constructor(fields: readonly Field[]) {
    this.names = fields.map(({ name }) => name);
    this.parsers = fields.map(
      ({ dataTypeID }): Parser => pg.types.getTypeParser(dataTypeID, 'text') as Parser,
    );
  }

  read(raw: RawRow): Record<string, unknown> {
    const row: Record<string, unknown> = {};
    for (const [n, name] of this.names.entries()) {
      const text = raw[n] ?? null;
      row[name] = text === null ? null : this.parsers[n]?.(text);
    }
    return row;
  }
}

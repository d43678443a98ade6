import pg from 'pg';
import { readTimestamp } from '../timestamp.js';

/** One row in PostgreSQL's text format: each value is text or null. */
export type RawRow = readonly (string | null)[];

/** A column of a RowDescription message. */
export interface Field {
  readonly name: string;
  readonly dataTypeID: Parameters<typeof pg.types.getTypeParser>[0];
}

interface Column {
  readonly name: string;
  readonly parse: (text: string) => unknown;
}

/** Decodes raw rows into objects, by the description of their columns. */
export class RowDecoder {
  private readonly columns: readonly Column[];
  /** A row of nulls. A copy of it has its final hidden class from the start, which is faster than adding each column. */
  private readonly empty: Readonly<Record<string, unknown>>;

  constructor(fields: readonly Field[]) {
    this.columns = fields.map(({ name, dataTypeID }) => ({
      name,
      parse: parserFor(dataTypeID),
    }));
    this.empty = Object.fromEntries(this.columns.map(({ name }) => [name, null]));
  }

  decode(raw: RawRow): Record<string, unknown> {
    const row = { ...this.empty };
    for (let n = 0; n < raw.length; n += 1) {
      const text = raw[n];
      const column = this.columns[n];
      if (column && typeof text === 'string') row[column.name] = column.parse(text);
    }
    return row;
  }
}

function parserFor(dataTypeID: Field['dataTypeID']): Column['parse'] {
  if (dataTypeID === pg.types.builtins.TIMESTAMPTZ) return readTimestamp;
  return pg.types.getTypeParser(dataTypeID, 'text') as Column['parse'];
}

import { oneLine } from '../../../src/common/one-line.js';

/** A cell of a table. Null and undefined are shown as a dash. */
export type Cell = string | number | boolean | null | undefined;

/** Writes results: tables and sentences for people, JSON for scripts. */
export class Output {
  constructor(
    readonly isJson: boolean,
    private readonly stream: NodeJS.WritableStream = process.stdout,
  ) {}

  /** Writes the body of a response as JSON, or else the text for people. */
  result(body: unknown, text: () => string | readonly string[]): void {
    if (this.isJson) this.write(JSON.stringify(body, null, 2));
    else for (const line of [text()].flat()) this.write(line);
  }

  /** Writes one item of a stream: a line of JSON, or else a line of text. */
  item(body: unknown, text: () => string): void {
    this.write(this.isJson ? JSON.stringify(body) : text());
  }

  private write(line: string): void {
    this.stream.write(`${line}\n`);
  }
}

/** Returns the lines of a table with a header. Values are escaped, so that none can forge a line or control a terminal. */
export function table(header: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const cells = [header, ...rows.map((row) => row.map(cellText))];
  const widths = header.map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  return cells.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

/** Returns lines `name  value` without those whose value is empty. */
export function fields(values: Readonly<Record<string, Cell>>): string[] {
  const shown = Object.entries(values).filter(
    ([, value]) => value !== null && value !== undefined && value !== '',
  );
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, value]) => `${name.padEnd(width)}  ${cellText(value)}`);
}

export function cellText(value: Cell): string {
  return value === null || value === undefined || value === '' ? '-' : oneLine(String(value));
}

/** Returns a time as `2026-11-28 11:05:13Z`. */
export function timeText(time: string | null | undefined): string {
  return time ? time.replace('T', ' ').replace(/\.\d+Z$/, 'Z') : '-';
}

/** Returns a JSON value on one line, shortened. */
export function jsonText(value: unknown, max = 200): string {
  const text = value === null || value === undefined ? '' : JSON.stringify(value);
  return text.length > max ? `${text.slice(0, max)}…` : text;
}

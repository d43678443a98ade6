import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { type Catalog, readCatalog } from '../../support/catalog.js';
import { newDatabase } from '../../support/app.js';
import { dropTestDatabase } from '../../support/postgres.js';

const PAGE = readFileSync('docs/database/SCHEMA.md', 'utf8');

let url: string;
let catalog: Catalog;

describe('docs/database/SCHEMA.md', () => {
  beforeAll(async () => {
    url = await newDatabase();
    catalog = await readCatalog(url);
  });

  afterAll(async () => {
    await dropTestDatabase(url);
  });

  it('describes every column and no other', () => {
    const described = documentedTables().flatMap((table) =>
      rowsOf(table, 'column').map(([name, type, isNull, value]) =>
        [
          `${table}.${text(name)} ${text(type)}`,
          isNull === 'no' ? ' NOT NULL' : '',
          value ? ` DEFAULT ${text(value)}` : '',
        ].join(''),
      ),
    );

    expect(described.sort()).toEqual(catalog.columns.map(readable).sort());
  });

  it('lists every index with its columns and no other', () => {
    const listed = documentedTables().flatMap((table) =>
      rowsOf(table, 'index').map(([name, on]) => `${text(name)} on ${table} (${text(on)})`),
    );
    const real = catalog.indexes.map((line) =>
      line
        .replace(
          /^CREATE (?:UNIQUE )?INDEX (\S+) ON public\.(\S+) USING btree (\(.*?\))(?: WHERE .*)?$/,
          '$1 on $2 $3',
        )
        .replaceAll('"', '')
        // The parentheses that an expression takes are no help to a reader.
        .replace(/\(+- (\w+)\)+/, '-$1'),
    );

    expect(listed.sort()).toEqual(real.sort());
  });

  it('marks every unique index and its condition', () => {
    for (const line of catalog.indexes) {
      const name = /INDEX (\S+)/.exec(line)?.[1] ?? '';
      if (name.endsWith('_pkey')) continue;
      const said = /^\| `\S+` +\| `[^`]+` +\| (unique(?:, where)?)?/m.exec(lineOf(name))?.[1];

      expect([name, said]).toEqual([name, uniquenessOf(line)]);
    }
  });

  it('lists every constraint and no other', () => {
    const listed = documentedTables().flatMap((table) =>
      rowsOf(table, 'constraint').map(([name]) => `${table}.${text(name)}`),
    );

    expect(listed.sort()).toEqual(catalog.constraints.map((line) => line.split(' ')[0]).sort());
  });

  it('lists every view, trigger and function and no other', () => {
    const names = (lines: string[], pattern: RegExp): (string | undefined)[] =>
      lines.map((line) => pattern.exec(line)?.[1]);

    expect(
      rowsOf('Views', 'view')
        .map(([name]) => text(name))
        .sort(),
    ).toEqual(names(catalog.views, /^(\S+)/).sort());
    expect(
      rowsOf('Triggers and functions', 'name')
        .map(([name]) => text(name))
        .sort(),
    ).toEqual(
      [
        ...new Set([
          ...names(catalog.triggers, /TRIGGER (\S+)/),
          ...names(catalog.functions, /FUNCTION public\.(\w+)/),
        ]),
      ].sort(),
    );
  });

  it('draws only existing tables and columns', () => {
    const [, diagram = ''] = /```mermaid\n([^]*?)```/.exec(PAGE) ?? [];
    const drawn = [...diagram.matchAll(/^ {4}(\w+) \{\n([^]*?)^ {4}\}/gm)].flatMap(
      ([, table = '', body = '']) =>
        [...body.matchAll(/^ {8}(\w+) (\w+)/gm)].map(
          ([, type = '', column = '']) => `${table}.${column} ${type}`,
        ),
    );
    const real = new Set(
      catalog.columns.map((line) =>
        readable(line)
          .split(' ')
          .slice(0, 2)
          .join(' ')
          .replace(/\(\d+\)/, ''),
      ),
    );

    expect(drawn.length).toBeGreaterThan(20);
    expect(drawn.filter((column) => !real.has(column))).toEqual([]);
    expect(new Set(drawn.map((column) => column.split('.')[0]))).toEqual(
      new Set(documentedTables()),
    );
  });
});

/** The sections that describe a table. */
function documentedTables(): string[] {
  return [...PAGE.matchAll(/^## ([a-z_]+)$/gm)].map(([, name = '']) => name);
}

/** The cells of the table that has this heading in its first column, in a section of the page. */
function rowsOf(section: string, heading: string): string[][] {
  const [, body = ''] = new RegExp(`^## ${section}$([^]*?)(?=^## |(?![^]))`, 'm').exec(PAGE) ?? [];
  const [, rows = ''] =
    new RegExp(`^\\| ${heading} .*\n\\|[- |]+\n((?:\\|.*\n)+)`, 'm').exec(body) ?? [];
  return rows
    .trimEnd()
    .split('\n')
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function lineOf(name: string): string {
  return PAGE.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
}

function text(cell: string | undefined): string {
  return (cell ?? '').replaceAll('`', '');
}

function uniquenessOf(indexdef: string): string | undefined {
  if (!indexdef.startsWith('CREATE UNIQUE')) return undefined;
  return indexdef.includes(' WHERE ') ? 'unique, where' : 'unique';
}

/** A line of the catalog in the words that people use for types. */
function readable(column: string): string {
  return column
    .replace('character varying', 'varchar')
    .replace('timestamp with time zone', 'timestamptz')
    .replace(/('.*')::[\w ]+$/, '$1');
}

import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';

/** Where SQL may be: see docs/adr/0015-queries-are-sql-in-repositories.md. */
const HOMES = {
  statements: /\.repository\.ts$|^database\//,
  /** Conditions and columns that statements of several repositories share. */
  fragments: /\.sql\.ts$/,
  /** Constraints, indexes and defaults, for the comparison with the schema. */
  constraints: /\.entity\.ts$/,
};

/** Files that contain or run SQL although they are none of {@link HOMES}. */
const EXCEPTIONS = [
  'embedded-postgres/server.ts', // sets the password of the development server, before the application exists
];

const KEYWORDS =
  /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM|FROM|WHERE|JOIN|RETURNING|ORDER BY|GROUP BY|CASE WHEN|IS (NOT )?NULL|FOR UPDATE)\b/;
const FUNCTIONS =
  /\b(ANY|ARRAY|clock_timestamp|coalesce|greatest|least|make_interval|now|unnest)[([]|::(\w+)/;

/** The functions and methods that run a statement, in this project and in TypeORM. */
const RUNNERS =
  /\b(sql|sqlPage|sqlInBatch|sqlWithCommit|queueSql|readOne|runStatement|query|createQueryBuilder|getRepository)(<[^()]*>)?\(/;

interface Source {
  name: string;
  text: string;
}

const SOURCES: Source[] = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts') && !/\.spec\.ts$|\.d\.ts$/.test(name))
  .sort()
  .map((name) => ({ name, text: readFileSync(posix.join('src', name), 'utf8') }));

describe('SQL', () => {
  it('is in repositories, in the SQL that they share, in entities and in database/', () => {
    const elsewhere = SOURCES.filter(
      ({ name }) => !Object.values(HOMES).some((home) => home.test(name)),
    ).filter(containsSql);

    expect(elsewhere.map(({ name }) => name)).toEqual(EXCEPTIONS);
  });

  it('runs in repositories and in database/ only', () => {
    const elsewhere = SOURCES.filter(
      ({ name, text }) => !HOMES.statements.test(name) && RUNNERS.test(withoutComments(text)),
    );

    expect(elsewhere.map(({ name }) => name)).toEqual(EXCEPTIONS);
  });

  it('is found in strings and templates, and not in comments', () => {
    const source = (text: string): Source => ({ name: 'x.ts', text });

    expect(containsSql(source('const a = `SELECT 1`;'))).toBe(true);
    expect(containsSql(source('const a = `${x} ORDER BY ${y}`;'))).toBe(true);
    expect(containsSql(source(`const a = 'a.id = $1::uuid';`))).toBe(true);
    expect(containsSql(source('// SELECT 1\nconst a = `The role FROM_X`;'))).toBe(false);
  });
});

describe('A repository', () => {
  it('has at most 250 lines', () => {
    const long = SOURCES.filter(
      ({ name, text }) => name.endsWith('.repository.ts') && text.split('\n').length > 251,
    );

    expect(long.map(({ name }) => name)).toEqual([]);
  });

  it('inserts and updates rows by the names of the values, not by their positions', () => {
    const byPosition = SOURCES.filter(
      ({ name, text }) =>
        name.endsWith('.repository.ts') && /\b(INSERT INTO|UPDATE)\b[^`]*\$([4-9]|\d\d)/.test(text),
    );

    expect(byPosition.map(({ name }) => name)).toEqual([]);
  });

  it('that changes existing sessions is used by the lifecycle only', () => {
    const users = SOURCES.filter(({ text }) =>
      /from '[^']*\/lifecycle\.repository\.js'/.test(text),
    );

    expect(users.length).toBeGreaterThan(0);
    expect(users.filter(({ name }) => !name.startsWith('lifecycle/'))).toEqual([]);
  });

  it('other than that of the lifecycle changes no status of a session', () => {
    const writers = SOURCES.filter(({ text }) =>
      /UPDATE sessions\b[^;]*?\bSET\b[^;]*?\bstatus\s*(=|:)/.test(text),
    );

    expect(writers.map(({ name }) => name)).toEqual(['lifecycle/lifecycle.repository.ts']);
  });
});

function containsSql({ name, text }: Source): boolean {
  return isSql(text) && textsOf(name, text).some(isSql);
}

function isSql(text: string): boolean {
  return KEYWORDS.test(text) || FUNCTIONS.test(text);
}

/** Returns the texts of the strings and templates of a file. */
function textsOf(name: string, text: string): string[] {
  const texts: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || isTemplatePart(node)) texts.push(node.text);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(name, text, ts.ScriptTarget.Latest));
  return texts;
}

function isTemplatePart(
  node: ts.Node,
): node is ts.TemplateHead | ts.TemplateMiddle | ts.TemplateTail {
  return ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');
}

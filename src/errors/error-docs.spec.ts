import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { ERRORS, type ErrorCode, statusOf, titleOf } from './error-codes.js';
import { problemOf } from './problem.js';

const PAGE = readFileSync('docs/errors.md', 'utf8');
const CODES = Object.keys(ERRORS) as ErrorCode[];

describe('docs/errors.md', () => {
  it('has a row for each code, with its status and title, and for no other', () => {
    const rows = [...PAGE.matchAll(/^\| `([a-z_.]+)` +\| (\d{3}) +\| (.+?) +\|/gm)];

    expect(rows.map(([, ...cells]) => cells.join(' ')).sort()).toEqual(
      CODES.map((code) => `${code} ${statusOf(code)} ${titleOf(code)}`).sort(),
    );
  });

  it('has a cause and a fix in each row', () => {
    const rows = PAGE.split('\n').filter((line) => /^\| `[a-z]+\.[a-z_]+`/.test(line));

    expect(rows).toHaveLength(CODES.length);
    for (const row of rows) {
      const cells = row.split('|').map((cell) => cell.trim());
      expect([row, cells.length, cells.slice(1, -1).includes('')]).toEqual([row, 7, false]);
    }
  });

  it('shows an example that is one', () => {
    const [, json = ''] = /```json\n(\{[^]*?\})\n```/.exec(PAGE) ?? [];
    const example = JSON.parse(json) as { code: ErrorCode; detail: string };

    expect(example).toMatchObject({ ...problemOf(example.code, example.detail) });
  });
});

describe('The codes', () => {
  it.each(CODES)(
    '%s is feature.reason, with a title of its own and the status of an error',
    (code) => {
      expect(code).toMatch(/^[a-z]+\.[a-z_]+$/);
      expect(CODES.filter((other) => titleOf(other) === titleOf(code))).toEqual([code]);
      expect(statusOf(code)).toBeGreaterThanOrEqual(400);
    },
  );
});

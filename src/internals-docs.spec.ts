import { describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = 'docs/architecture';
const PAGE = readFileSync(`${FOLDER}/internals.md`, 'utf8');
const { dependencies, engines } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>;
  engines: { node: string };
};

const SOURCES = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
  .map((name) => readFileSync(join('src', name), 'utf8'));

/** The rows of the page's tables: symbol, use, version range, tests, gain. */
const ROWS = [...PAGE.matchAll(/^\| `(\w+)` .*\|$/gm)].map(([line, symbol = '']) => {
  const cells = line.split('|').map((cell) => cell.trim());
  return { symbol, versions: cells[3] ?? '', tests: cells[4] ?? '' };
});

describe('The page of internals', () => {
  it('lists each import of a file inside a package', () => {
    const deep = SOURCES.flatMap((text) =>
      [...text.matchAll(/from '((?:@[\w-]+\/)?[\w-]+\/[^']+\.js)'/g)].map(([, path = '']) => path),
    );

    expect(deep.length).toBeGreaterThan(5);
    expect(deep.filter((path) => !PAGE.includes(`\`${path}\``))).toEqual([]);
  });

  it('has rows', () => {
    expect(ROWS.length).toBeGreaterThan(10);
  });

  it.each(ROWS)('names code that exists: $symbol', ({ symbol }) => {
    const declaration = new RegExp(`\\b(?:class|function|const) ${symbol}\\b`);

    expect(SOURCES.some((text) => declaration.test(text))).toBe(true);
  });

  it.each(ROWS)('names the installed version for $symbol', ({ versions }) => {
    const [, name = '', range] = /^`(\S+?)(?: ([^`]+))?`$/.exec(versions) ?? [];

    expect(range).toBe(name === 'node' ? engines.node.replaceAll('||', 'or') : dependencies[name]);
  });

  it.each(ROWS)('names tests that exist for $symbol', ({ tests }) => {
    const links = [...tests.matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link);

    expect(links.length).toBeGreaterThan(0);
    expect(links.filter((link) => !existsSync(join(FOLDER, link)))).toEqual([]);
  });
});

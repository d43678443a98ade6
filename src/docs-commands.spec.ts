import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

/** The shell commands of the documentation: of each page, its blocks and the commands in its lists. */
const PAGES = ['README.md', 'CONTRIBUTING.md', ...pagesIn('docs'), ...pagesIn('examples')];

const BLOCKS = PAGES.flatMap((page) =>
  [...readFileSync(page, 'utf8').matchAll(/^ *```sh\n([^]*?)^ *```$/gm)].map(
    ([, block = '']) => [page, block] as const,
  ),
);

describe('The shell commands of the documentation', () => {
  it('end each response of curl with a newline', () => {
    const without = BLOCKS.flatMap(([page, block]) =>
      commandsOf(block)
        .filter((command) => /\bcurl\b/.test(command))
        .filter((command) => !/-w '[^']*\\n|; *echo\b|\| *\w/.test(command))
        .map((command) => `${page}: ${command}`),
    );

    expect(BLOCKS.filter(([, block]) => block.includes('curl')).length).toBeGreaterThan(5);
    expect(without).toEqual([]);
  });

  it('install the compiler for a build in production', () => {
    const inProduction = BLOCKS.filter(([, block]) => block.includes('NODE_ENV=production'));
    const operations = pagesIn('docs/operations').map((page) => readFileSync(page, 'utf8'));
    const commands = [...inProduction.map(([, block]) => block), ...operations]
      .flatMap((text) => text.match(/npm (ci|install)\b[^\n]*npm run build/g) ?? [])
      .map((command) => command.replace(/ &&.*/, ''));

    expect(commands.length).toBeGreaterThanOrEqual(2);
    expect(new Set(commands)).toEqual(new Set(['npm ci --include=dev']));
  });
});

/** The lines of a block. A line continues after a backslash or a pipe at its end. */
function commandsOf(block: string): string[] {
  return block
    .replaceAll(/ *\\\n */g, ' ')
    .replaceAll(/\| *\n */g, '| ')
    .split('\n');
}

function pagesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`);
}

import { readFileSync } from 'node:fs';
import { tokenFor } from './app.js';
import { ProgramRun } from './program-run.js';

export interface Walkthrough {
  /** What the commands printed, and what the page shows, with the values replaced that differ each time. */
  printed: string[];
  shown: string[];
  code: number | null;
  errors: string;
}

/**
 * Runs the shell commands of a section of a page in one shell, and compares what they print with the blocks of text.
 *
 * @param setup commands to run first, such as replacements for commands that need a build
 */
export async function runWalkthrough(
  page: string,
  heading: string,
  roles: readonly string[],
  { url, setup = '' }: { url: string; setup?: string },
): Promise<Walkthrough> {
  const [, section = ''] =
    new RegExp(`\n## ${heading}\n([^]*?)(?=\n## )`).exec(readFileSync(page, 'utf8')) ?? [];
  const blocks = (language: string) =>
    [...section.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, 'gm'))].map(
      ([, block = '']) => block,
    );
  // In place of \`npm run --silent token -- ROLE\`, which needs the secret of a controller of this checkout.
  const tokens = roles.map((role) => `${role}) echo ${tokenFor(role, `${role}-agent`)} ;;`);
  const npm = `npm() { case "$5" in ${tokens.join(' ')} esac; }`;
  const script = [
    npm,
    ...blocks('sh').map((block) => block.replaceAll('http://localhost:8088', url)),
    '',
  ];
  const run = new ProgramRun('bash', ['-c', [setup, ...script].join('\n')]);
  const { code, output, errors } = await run.result();
  return {
    code,
    errors,
    printed: linesOf(output),
    shown: blocks('text').flatMap(linesOf),
  };
}

function linesOf(text: string): string[] {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>')
    .replaceAll(/20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>')
    .trimEnd()
    .split('\n');
}

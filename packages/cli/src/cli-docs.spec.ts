import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { createProgram } from './program.js';

const PAGE = 'docs/cli.md';
const MARKS = { start: '<!-- commands -->\n', end: '<!-- end of commands -->' };

describe('docs/cli.md', () => {
  it('has the reference of the commands: else run "npm run cli:docs"', () => {
    const page = readFileSync(PAGE, 'utf8');
    const [before = '', rest = ''] = page.split(MARKS.start);
    const [shown = '', after = ''] = rest.split(MARKS.end);
    const reference = `\n${referenceOf(createProgram())}\n`;
    if (process.env.UPDATE_CLI_DOCS !== undefined)
      writeFileSync(PAGE, `${before}${MARKS.start}${reference}${MARKS.end}${after}`);
    else expect(shown).toBe(reference);
  });

  it('names each global option', () => {
    const page = readFileSync(PAGE, 'utf8').split(MARKS.start)[0] ?? '';
    const missing = createProgram()
      .options.map(({ long }) => String(long))
      .filter((long) => !page.includes(`\`${long}`));
    expect(missing).toEqual([]);
  });
});

/** The commands in the order of the help, as Markdown. */
function referenceOf(program: Command): string {
  return leavesOf(program, '')
    .map(({ name, command }) =>
      [
        `### ${name}`,
        `\`\`\`text\n${name} ${command.usage()}\n\`\`\``,
        command.description(),
        membersOf(command),
      ]
        .filter((part) => part !== '')
        .join('\n\n'),
    )
    .join('\n\n')
    .concat('\n');
}

function leavesOf(command: Command, path: string): { name: string; command: Command }[] {
  const name = `${path} ${command.name()}`.trim();
  if (command.commands.length === 0) return [{ name, command }];
  return command.commands.flatMap((child) => leavesOf(child, name));
}

function membersOf(command: Command): string {
  const help = command.createHelp();
  return [
    ...help
      .visibleArguments(command)
      .map((argument) => [argument.name(), help.argumentDescription(argument)]),
    ...help
      .visibleOptions(command)
      .filter(({ long }) => long !== '--help')
      .map((option) => [option.flags, help.optionDescription(option)]),
  ]
    .map(([name = '', text = '']) => `- \`${name}\`: ${text.replaceAll('"', '`')}`)
    .join('\n');
}

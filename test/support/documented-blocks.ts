import { readFileSync } from 'node:fs';

/** The first block of code of a page that contains a text. */
export function documentedBlock(page: string, text: string): string {
  const blocks = readFileSync(page, 'utf8').matchAll(/^```\w*\n([^]*?)^```$/gm);
  for (const [, block = ''] of blocks) if (block.includes(text)) return block;
  throw new Error(`${page} has no block with ${text}`);
}

/** The settings of a block: lines of the form `name = value`, without comments and quotes. */
export function documentedSettings(page: string, text: string): Record<string, string> {
  const lines = documentedBlock(page, text).matchAll(/^(\w+) ?= ?'?([^'\n#;]*?)'? *(?:[#;].*)?$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]));
}

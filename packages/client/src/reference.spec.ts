import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const FOLDER = 'docs/reference/client';

describe(FOLDER, () => {
  it('is the reference of the types: else run "npm run client:reference"', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'reference-'));
    await run(process.execPath, ['packages/client/generate-reference.js', folder]);
    const fresh = await pagesOf(folder);
    await rm(folder, { recursive: true });

    const present = await pagesOf(FOLDER);
    const names = new Set([...fresh.keys(), ...present.keys()]);
    expect([...names].filter((name) => fresh.get(name) !== present.get(name))).toEqual([]);
    expect(fresh.size).toBeGreaterThan(0);
  }, 60_000);
});

/** Returns the pages of a folder by their names. */
async function pagesOf(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder, { recursive: true });
  const pages = names.filter((name) => name.endsWith('.md'));
  return new Map(
    await Promise.all(
      pages.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const),
    ),
  );
}

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Loads every spec of a folder into the one that calls this. Jest loads the whole application anew for each file that
 * it runs, which takes longer than most specs do. So their top level has nothing but `describe`s: a hook there would be
 * one of the neighbours, too.
 */
export async function importSpecs(folder: string): Promise<void> {
  const names = await readdir(folder);
  for (const name of names.sort()) {
    if (!name.endsWith('.spec.ts')) throw new Error(`${folder}/${name} would not be run`);
    await import(join(folder, name));
  }
}

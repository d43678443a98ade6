import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { closeShared } from './kit.js';

/**
 * Loads every spec of a folder into the spec that calls this. Jest loads all modules again for each file that it runs,
 * which takes longer than most specs. A hook at the top level of an imported spec would also run for the other specs
 * of the folder, so a spec puts its hooks into a `describe`.
 */
export async function importSpecs(folder: string): Promise<void> {
  const names = await readdir(folder);
  for (const name of names.sort()) {
    if (!name.endsWith('.spec.ts')) throw new Error(`${folder}/${name} would not be run`);
    await import(join(folder, name));
  }
  afterAll(closeShared);
}

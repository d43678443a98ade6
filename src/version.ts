import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Version of the service, from its package.json. Works in the source folder and in `dist`. */
export const VERSION = findVersion(import.meta.dirname);

function findVersion(folder: string): string {
  const file = join(folder, 'package.json');
  if (existsSync(file)) {
    const manifest: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
      return String(manifest.version);
  }
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json is missing: put it beside the folder dist');
  return findVersion(parent);
}

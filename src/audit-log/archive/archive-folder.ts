import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { syncFolder } from '../../../packages/verify/src/sync-folder.js';
import { BundleFolder } from '../export/bundle-folder.js';

/** The file with the digests of the others, in the format of `sha256sum`. */
const DIGESTS = 'SHA256SUMS';

/** The folder of one archive: a bundle and the digests of its files. It has its name only when it is complete. */
export class ArchiveFolder {
  private readonly partial: string;

  constructor(readonly path: string) {
    this.partial = `${path}.partial`;
  }

  get exists(): boolean {
    return existsSync(this.path);
  }

  /** Begins the archive, without the files of an attempt that was interrupted. */
  async begin(): Promise<BundleFolder> {
    await rm(this.partial, { recursive: true, force: true });
    return BundleFolder.create(this.partial);
  }

  /** Completes the archive. When it returns, a crash of the machine does not lose it. */
  async complete(): Promise<void> {
    const digests = join(this.partial, DIGESTS);
    await writeFile(digests, await digestsOf(this.partial), { mode: 0o600, flush: true });
    for (const folder of await foldersOf(this.partial)) await syncFolder(folder);
    await rename(this.partial, this.path);
    await syncFolder(dirname(this.path));
  }

  /** Returns the digest over the files as they are. Undefined if they are not those whose digests were written. */
  async digest(): Promise<string | undefined> {
    const text = await digestsOf(this.path);
    const written = existsSync(join(this.path, DIGESTS))
      ? await readFile(join(this.path, DIGESTS), 'utf8')
      : undefined;
    return text === written ? createHash('sha256').update(text).digest('hex') : undefined;
  }
}

async function digestsOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)).replaceAll(sep, '/'))
    .filter((name) => name !== DIGESTS)
    .sort();
  const lines: string[] = [];
  for (const name of names) {
    const digest = createHash('sha256').update(await readFile(join(folder, name)));
    lines.push(`${digest.digest('hex')}  ${name}\n`);
  }
  return lines.join('');
}

async function foldersOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory());
  return [folder, ...folders.map(({ parentPath, name }) => join(parentPath, name))];
}

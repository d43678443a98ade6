import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { access, constants, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { readIfExists } from '../../../packages/verify/src/read-if-exists.js';
import { syncToDisk } from '../../../packages/verify/src/sync-to-disk.js';
import { BundleFolder } from '../export/bundle-folder.js';

/** The file with the digests of the others, in the format of `sha256sum`. */
const DIGESTS = 'SHA256SUMS';

/** The folder of one archive: a bundle and the digests of its files. It has its name only when it is complete. */
export class ArchiveFolder {
  readonly path: string;
  private readonly partial: string;

  /**
   * @param out the folder of all archives
   * @param log the name of the folder of the archives of one log
   */
  constructor(
    private readonly out: string,
    private readonly log: string,
    name: string,
  ) {
    this.path = join(out, log, name);
    this.partial = `${this.path}.partial`;
  }

  get exists(): boolean {
    return existsSync(this.path);
  }

  /** Begins the archive, without the files of an attempt that was interrupted. */
  async begin(): Promise<BundleFolder> {
    await rm(this.partial, { recursive: true, force: true });
    return BundleFolder.create(this.partial);
  }

  /** Completes the archive. Its files are on the disk before it has its name. */
  async complete(): Promise<void> {
    const digests = await digestsOf(this.partial);
    await writeFile(join(this.partial, DIGESTS), digests, { mode: 0o600 });
    const entries = await readdir(this.partial, { recursive: true, withFileTypes: true });
    for (const { parentPath, name } of entries) await syncToDisk(join(parentPath, name));
    await syncToDisk(this.partial);
    await rename(this.partial, this.path);
  }

  /** When it returns, a crash of the machine does not lose the complete archive. */
  async persist(): Promise<void> {
    await syncToDisk(join(this.out, this.log));
    await syncToDisk(this.out);
    const parent = dirname(resolve(this.out));
    // The folder of the archives can be the only one that this user may read. Then somebody else created it.
    if (await isReadable(parent)) await syncToDisk(parent);
  }

  /** Returns the digest over the files as they are. Undefined if they are not those whose digests were written. */
  async digest(): Promise<string | undefined> {
    const written = await readIfExists(join(this.path, DIGESTS));
    if (written === undefined) return undefined;
    const text = await digestsOf(this.path);
    return text === written.toString()
      ? createHash('sha256').update(text).digest('hex')
      : undefined;
  }
}

function isReadable(folder: string): Promise<boolean> {
  return access(folder, constants.R_OK).then(
    () => true,
    () => false,
  );
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

import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UsageError } from '../../common/usage-error.js';
import { messageOf } from '../../errors/error-text.js';

/** A folder into which a bundle is written. Only its owner can read it, because a bundle can disclose personal data. */
export class BundleFolder {
  private readonly folders = new Set<string>();

  private constructor(readonly path: string) {}

  /**
   * Creates the folder.
   *
   * @throws UsageError if it exists and is not empty, or cannot be written
   */
  static async create(path: string): Promise<BundleFolder> {
    try {
      await mkdir(path, { recursive: true, mode: 0o700 });
      if ((await readdir(path)).length === 0) return new BundleFolder(path);
    } catch (error) {
      throw new UsageError(`--out: ${messageOf(error)}`);
    }
    throw new UsageError(`--out: ${path} is not empty`);
  }

  /** Writes a file and its folders. Rejects if the file exists. */
  async write(name: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.path, name);
    const folder = dirname(path);
    if (!this.folders.has(folder)) await mkdir(folder, { recursive: true, mode: 0o700 });
    this.folders.add(folder);
    await writeFile(path, content, { flag: 'wx', mode: 0o600 });
  }
}

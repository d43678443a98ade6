import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { decodeBase64, FormatError } from './encoding.js';
import { isObject, type JsonObject, parseJson } from './json.js';
import { readIfExists } from './read-if-exists.js';
import { syncToDisk } from './sync-to-disk.js';
import { HASH_BYTES } from './tree.js';
import type { StoredHead, WitnessState } from './witness.js';

/** The heads of a witness in a file, which is replaced as a whole and flushed to the disk before a cosignature leaves. */
export class WitnessFile implements WitnessState {
  private constructor(
    private readonly path: string,
    private readonly heads: Map<string, StoredHead>,
  ) {}

  /**
   * Reads the file. A missing one is created, so that a path that cannot be written ends the start.
   *
   * @throws FormatError if it is not a state: without it, the witness would cosign a fork
   */
  static async open(path: string): Promise<WitnessFile> {
    const text = await readIfExists(path);
    const file = new WitnessFile(path, parseState(text?.toString() ?? '{}'));
    if (text === undefined) await file.write();
    return file;
  }

  get(origin: string): Promise<StoredHead | undefined> {
    return Promise.resolve(this.heads.get(origin));
  }

  async set(origin: string, { size, root }: StoredHead): Promise<void> {
    this.heads.set(origin, { size, root });
    await this.write();
  }

  private async write(): Promise<void> {
    const heads = [...this.heads].map(([origin, { size, root }]) => [
      origin,
      { size, root: root.toString('base64') },
    ]);
    const next = `${this.path}.next`;
    const file = await open(next, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(Object.fromEntries(heads), null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, this.path);
    await syncToDisk(dirname(this.path));
  }
}

function parseState(text: string): Map<string, StoredHead> {
  const value = parseJson(text);
  if (!isObject(value)) throw new FormatError('the state of the witness is not a JSON object');
  return new Map(
    Object.entries(value).map(([origin, head]) => {
      if (!isObject(head)) throw new FormatError('a head in the state of the witness is no object');
      return [origin, parseHead(head)];
    }),
  );
}

function parseHead({ size, root }: JsonObject): StoredHead {
  const hash = typeof root === 'string' ? decodeBase64(root) : undefined;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || hash?.length !== HASH_BYTES) {
    throw new FormatError('a head in the state of the witness has no size and root');
  }
  return { size, root: hash };
}

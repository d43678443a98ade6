import { decodeUtf8, FormatError } from './encoding.js';
import { type Finding, FindingError } from './findings.js';
import { hasExactly, isObject, type Json, parseJson, show } from './json.js';
import { type KeyEvent, readKeyEvent } from './key-events.js';
import { type Leaf, openDisclosures, parseLeaf } from './leaf.js';
import {
  bundlesOfSize,
  decodeEntries,
  type EntryBundle,
  entriesPath,
  hashesRoot,
  splitHashes,
  TILE_WIDTH,
  type Tile,
  tilePath,
  tilesOfSize,
} from './tiles.js';
import { CompactTree, HASH_BYTES, leafHash } from './tree.js';

/** Reads a file of a bundle by its path. Undefined if it is missing. */
export type FileReader = (path: string) => Promise<Buffer | undefined>;

/** Entries of a log, the last one included. */
export interface EntryRange {
  readonly from: number;
  /** Infinity: the last entry. */
  readonly to: number;
}

/** Returns the path of the disclosures of a bundle of entries. */
export function disclosuresPath(index: number): string {
  const path = entriesPath({ index, width: TILE_WIDTH });
  return `${path.replace('tile/entries', 'disclosures')}.ndjson`;
}

/** The entries and tiles of a bundle, read once and compared with each other. */
export class BundleLog {
  readonly findings: Finding[] = [];
  readonly keyEvents: KeyEvent[] = [];
  /** Lines about the events of the log itself. */
  readonly notes: string[] = [];
  disclosures = 0;
  private readonly tree = CompactTree.empty();
  private readonly roots = new Map<number, Buffer>();
  private hasGap = false;

  /**
   * @param sizes sizes at which the root is needed
   * @param range entries that the bundle must contain
   */
  constructor(
    private readonly read: FileReader,
    readonly size: number,
    private readonly sizes: ReadonlySet<number>,
    private readonly range: EntryRange = { from: 0, to: Infinity },
  ) {}

  /** Returns the root at one of the sizes. Undefined if entries and tiles before it are missing. */
  rootAt(size: number): Buffer | undefined {
    return size === 0 ? CompactTree.empty().root() : this.roots.get(size);
  }

  /** Reads all files. */
  async run(): Promise<void> {
    let above: Buffer[] = [];
    for (const bundle of bundlesOfSize(this.size)) {
      const hashes = await this.readLeaves(bundle);
      this.grow(hashes);
      if (bundle.width === TILE_WIDTH) above.push(hashes ? hashesRoot(hashes) : Buffer.alloc(0));
    }
    for (const tile of tilesOfSize(this.size)) {
      if (tile.level === 0) continue;
      const first = tile.index * TILE_WIDTH;
      const computed = above.slice(first, first + tile.width);
      await this.compareTile(tile, computed);
      const isLast = first + tile.width >= above.length;
      if (isLast) above = fullRoots(above);
    }
  }

  /** Returns the hashes of 256 leaves: those of the tile, with which the entries are compared. */
  private async readLeaves(bundle: EntryBundle): Promise<Buffer | undefined> {
    const path = tilePath({ level: 0, ...bundle });
    const tile = await this.readTile({ level: 0, ...bundle });
    const entries = await this.readEntries(bundle);
    if (!tile && !entries) {
      this.hasGap = true;
      this.incomplete(`${path} is missing`);
    }
    if (tile && entries) {
      const hashes = splitHashes(tile);
      for (const [n, entry] of entries.entries()) {
        const index = bundle.index * TILE_WIDTH + n;
        if (hashes[n]?.equals(leafHash(entry)) !== true) {
          this.invalid(`entry ${index} does not hash to its tile`);
        }
      }
    }
    return tile ?? (entries && Buffer.concat(entries.map(leafHash)));
  }

  private async readTile(tile: Tile): Promise<Buffer | undefined> {
    const path = tilePath(tile);
    const hashes = await this.read(path);
    if (hashes && hashes.length !== tile.width * HASH_BYTES) {
      this.invalid(`${path} has not ${tile.width} hashes`);
      return undefined;
    }
    return hashes;
  }

  private async readEntries(bundle: EntryBundle): Promise<Buffer[] | undefined> {
    const first = bundle.index * TILE_WIDTH;
    const path = entriesPath(bundle);
    const file = await this.read(path);
    if (!file) {
      const last = first + bundle.width - 1;
      const isNeeded = first <= this.range.to && this.range.from <= last;
      if (isNeeded) this.incomplete(`${path} is missing: entries ${first} to ${last}`);
      return undefined;
    }
    const entries = this.attempt(path, () => decodeEntries(file));
    if (entries && entries.length !== bundle.width) {
      this.invalid(`${path} has ${entries.length} entries instead of ${bundle.width}`);
      return undefined;
    }
    const leaves = entries?.map((entry, n) => this.readLeaf(first + n, entry));
    await this.readDisclosures(bundle.index, leaves ?? []);
    return entries;
  }

  private readLeaf(index: number, entry: Buffer): Leaf | undefined {
    return this.attempt(`entry ${index}`, () => {
      const leaf = parseLeaf(decodeUtf8(entry));
      const event = readKeyEvent(index, leaf);
      if (event) {
        this.keyEvents.push(event);
        this.notes.push(keyEventNote(event));
      }
      if (leaf.event_type === 'log_continued') this.notes.push(continuationNote(index, leaf));
      return leaf;
    });
  }

  private async readDisclosures(
    bundle: number,
    leaves: readonly (Leaf | undefined)[],
  ): Promise<void> {
    const path = disclosuresPath(bundle);
    const file = await this.read(path);
    if (!file) return;
    const lines = this.attempt(path, () => decodeUtf8(file).split('\n')) ?? [];
    for (const line of lines.filter((text) => text !== '')) {
      this.attempt(path, () => {
        const { index, open } = parseDisclosureLine(line);
        const leaf = leaves[index - bundle * TILE_WIDTH];
        if (!leaf) throw new FormatError(`a line is of entry ${index}`);
        this.disclosures +=
          this.attempt(`entry ${index}`, () => openDisclosures(leaf, open))?.size ?? 0;
      });
    }
  }

  private grow(hashes: Buffer | undefined): void {
    if (!hashes || this.hasGap) return;
    for (const hash of splitHashes(hashes)) {
      this.tree.append(hash);
      const { size } = this.tree;
      if (this.sizes.has(size)) this.roots.set(size, this.tree.root());
    }
  }

  /** Compares a tile with the roots of the tiles below. */
  private async compareTile(tile: Tile, computed: readonly Buffer[]): Promise<void> {
    const path = tilePath(tile);
    const stored = await this.readTile(tile);
    if (!stored) {
      this.incomplete(`${path} is missing`);
      return;
    }
    for (const [n, hash] of splitHashes(stored).entries()) {
      const below = computed[n];
      if (below === undefined || below.length === 0 || below.equals(hash)) continue;
      const [level, index] = [tile.level - 1, tile.index * TILE_WIDTH + n];
      const entries = TILE_WIDTH ** tile.level;
      const range = `entries ${index * entries} to ${(index + 1) * entries - 1}`;
      this.invalid(`tile ${level}/${index} does not hash to its parent: ${range}`);
    }
  }

  private attempt<T>(source: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof FormatError) && !(error instanceof FindingError)) throw error;
      this.invalid(`${source}: ${error.message}`);
      return undefined;
    }
  }

  private invalid(message: string): void {
    this.findings.push({ kind: 'INVALID', message });
  }

  private incomplete(message: string): void {
    this.findings.push({ kind: 'INCOMPLETE', message });
  }
}

function keyEventNote(event: KeyEvent): string {
  return event.kind === 'changed'
    ? `entry ${event.index}: ${event.next.vkey} replaces ${event.old.vkey}`
    : `entry ${event.index}: ${event.key.vkey} is revoked, good until ${event.goodUntil}`;
}

function continuationNote(index: number, { facts }: Leaf): string {
  const { origin, size, head, reason } = facts;
  const published = isObject(head) ? `, of which a head of ${show(head.size)} was published` : '';
  return `entry ${index}: log_continued: the log ${show(origin)} ended with ${show(size)} entries${published}: ${show(reason)}`;
}

/** Returns the roots of the full tiles over these hashes. A root over a missing one is missing. */
function fullRoots(hashes: readonly Buffer[]): Buffer[] {
  const tiles = Math.floor(hashes.length / TILE_WIDTH);
  return Array.from({ length: tiles }, (_, n) => {
    const own = hashes.slice(n * TILE_WIDTH, (n + 1) * TILE_WIDTH);
    return own.some(({ length }) => length === 0)
      ? Buffer.alloc(0)
      : hashesRoot(Buffer.concat(own));
  });
}

function parseDisclosureLine(line: string): { index: number; open: string[] } {
  const value = parseJson(line);
  if (!isObject(value) || !hasExactly(value, ['index', 'open']))
    throw new FormatError('not a line of disclosures');
  const { index, open } = value;
  if (typeof index !== 'number' || !isStrings(open))
    throw new FormatError('not a line of disclosures');
  return { index, open };
}

function isStrings(value: Json | undefined): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

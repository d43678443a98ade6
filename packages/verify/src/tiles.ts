import { FormatError, parseDecimal } from './encoding.js';
import {
  CompactTree,
  HASH_BYTES,
  type HashReader,
  type LeafRange,
  type Subtree,
  subtreesOf,
} from './tree.js';

/** Tiles of C2SP tlog-tiles: a tile holds up to 256 hashes of one level of every eighth of the tree. */

/** Hashes of a full tile, and entries of a full bundle. */
export const TILE_WIDTH = 256;

/** Levels of the tree from a tile to the next. */
const TILE_HEIGHT = 8;

/** The largest entry of a bundle, whose length has two bytes. */
export const MAX_ENTRY_BYTES = 65_535;

/** A tile: the hashes from `index * 256` on, of the subtrees with `256^level` leaves. */
export interface Tile {
  readonly level: number;
  readonly index: number;
  /** Number of hashes, 1 to 256. */
  readonly width: number;
}

/** A bundle of entries: those from `index * 256` on. */
export type EntryBundle = Omit<Tile, 'level'>;

/** Returns the path of a tile below the prefix of the log. */
export function tilePath({ level, ...tile }: Tile): string {
  return `tile/${level}/${indexPath(tile)}`;
}

/** Returns the path of a bundle of entries below the prefix of the log. */
export function entriesPath(bundle: EntryBundle): string {
  return `tile/entries/${indexPath(bundle)}`;
}

/** Parses `<level>/<index>[.p/<width>]`, or with the level `entries`. Returns undefined for any other text. */
export function parseTilePath(
  path: string,
): Tile | (EntryBundle & { level: 'entries' }) | undefined {
  const match =
    /^(entries|[0-9]|[1-5][0-9]|6[0-3])\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(
      path,
    );
  if (!match) return undefined;
  const [, level = '', groups = '', part] = match;
  if (groups.startsWith('x000/')) return undefined;
  const index = Number(groups.replaceAll(/[x/]/g, ''));
  const width = part === undefined ? TILE_WIDTH : Number(part);
  if (!Number.isSafeInteger(index) || (part !== undefined && width >= TILE_WIDTH)) return undefined;
  return level === 'entries'
    ? { level, index, width }
    : { level: parseDecimal(level), index, width };
}

/** Returns the number of hashes that a tile has in a tree, 0 to 256. */
export function tileWidth({ level, index }: Omit<Tile, 'width'>, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH;
  return Math.min(Math.max(hashes, 0), TILE_WIDTH);
}

/** Returns all tiles of a tree, level by level. */
export function* tilesOfSize(size: number): Generator<Tile> {
  for (let level = 0; size >= TILE_WIDTH ** level; level += 1) {
    const hashes = Math.floor(size / TILE_WIDTH ** level);
    for (let index = 0; index * TILE_WIDTH < hashes; index += 1) {
      yield { level, index, width: tileWidth({ level, index }, size) };
    }
  }
}

/** Returns all bundles of entries of a tree. */
export function* bundlesOfSize(size: number): Generator<EntryBundle> {
  for (let index = 0; index * TILE_WIDTH < size; index += 1) {
    yield { index, width: tileWidth({ level: 0, index }, size) };
  }
}

/** Returns the tiles of a tree from which {@link tileReader} reads the hashes of ranges. */
export function tilesOfRanges(ranges: readonly LeafRange[], size: number): Tile[] {
  const tiles = ranges
    .flatMap(subtreesOf)
    .map(placeOf)
    .map(({ level, index }) => ({ level, index, width: tileWidth({ level, index }, size) }));
  return [...new Map(tiles.map((tile) => [tilePath(tile), tile])).values()];
}

/** Returns a reader of the hashes of complete subtrees, from the bytes of tiles. */
export function tileReader(tileOf: (level: number, index: number) => Buffer): HashReader {
  return (subtree) => {
    const { level, index, offset, count } = placeOf(subtree);
    const hashes = tileOf(level, index).subarray(
      offset * HASH_BYTES,
      (offset + count) * HASH_BYTES,
    );
    if (hashes.length !== count * HASH_BYTES) {
      throw new FormatError(`tile ${level}/${index} has no hash ${offset + count - 1}`);
    }
    return hashesRoot(hashes);
  };
}

/** Returns the root of the tree over the hashes of a tile. That of a full tile is a hash of the level above. */
export function hashesRoot(hashes: Buffer): Buffer {
  const tree = CompactTree.empty();
  for (const hash of splitHashes(hashes)) tree.append(hash);
  return tree.root();
}

/** Returns the hashes of a tile. */
export function splitHashes(hashes: Buffer): Buffer[] {
  if (hashes.length % HASH_BYTES !== 0) throw new FormatError('not a whole number of hashes');
  return Array.from({ length: hashes.length / HASH_BYTES }, (_, n) =>
    hashes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES),
  );
}

/** Returns the bytes of a bundle of entries: each after its length in two bytes. */
export function encodeEntries(entries: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const bytes = typeof entry === 'string' ? Buffer.from(entry) : entry;
      if (bytes.length > MAX_ENTRY_BYTES) throw new FormatError('an entry is too long');
      return [Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes];
    }),
  );
}

/**
 * Returns the entries of a bundle.
 *
 * @throws FormatError if the bytes end within an entry
 */
export function decodeEntries(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = [];
  for (let start = 0; start < bundle.length;) {
    const end = start + 2 + (start + 2 <= bundle.length ? bundle.readUInt16BE(start) : 0);
    if (start + 2 > bundle.length || end > bundle.length) {
      throw new FormatError('the bundle ends within an entry');
    }
    entries.push(bundle.subarray(start + 2, end));
    start = end;
  }
  return entries;
}

/** Returns the hashes of a tile whose root is the hash of a subtree. */
function placeOf({ level, index }: Subtree): {
  level: number;
  index: number;
  offset: number;
  count: number;
} {
  const count = 2 ** (level % TILE_HEIGHT);
  const first = index * count;
  return {
    level: Math.floor(level / TILE_HEIGHT),
    index: Math.floor(first / TILE_WIDTH),
    offset: first % TILE_WIDTH,
    count,
  };
}

/** Returns an index in groups of three digits, all but the last with an x: 1234067 is x001/x234/067. */
function indexPath({ index, width }: EntryBundle): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const groups = padded.match(/.{3}/g) ?? [];
  const path = groups.map((group, n) => (n < groups.length - 1 ? `x${group}` : group)).join('/');
  return width === TILE_WIDTH ? path : `${path}.p/${width}`;
}

import { hashesRoot, splitHashes, TILE_WIDTH } from '../../packages/verify/src/tiles.js';

/** The place of a tile: its level, and its number in that level. */
export interface TilePlace {
  readonly level: number;
  readonly index: number;
}

/** Hashes to append to a tile. */
export interface AppendedTile extends TilePlace {
  /** Number of hashes that the tile has. */
  readonly before: number;
  readonly hashes: Buffer;
}

interface OpenTile extends TilePlace {
  before: number;
  hashes: Buffer[];
}

/** Returns the places of the tiles of a log that are not full: the last one of each level. */
export function openTilesOf(size: number): TilePlace[] {
  const places: TilePlace[] = [];
  for (let level = 0, hashes = size; hashes > 0; level += 1) {
    if (hashes % TILE_WIDTH > 0) places.push({ level, index: Math.floor(hashes / TILE_WIDTH) });
    hashes = Math.floor(hashes / TILE_WIDTH);
  }
  return places;
}

/** Collects the hashes that new entries append to the tiles of a log. */
export class TileAppender {
  private readonly open: OpenTile[] = [];
  private readonly full: AppendedTile[] = [];

  /** @param hashesOf returns the hashes of a tile that is not full */
  constructor(
    private readonly size: number,
    private readonly hashesOf: (place: TilePlace) => Buffer,
  ) {}

  /** Appends the hash of an entry, or on a higher level the root of a full tile. */
  append(hash: Buffer, level = 0): void {
    const tile = this.openTile(level);
    tile.hashes.push(hash);
    if (tile.hashes.length < TILE_WIDTH) return;
    this.full.push(toAppended(tile));
    this.open[level] = { level, index: tile.index + 1, before: 0, hashes: [] };
    this.append(hashesRoot(Buffer.concat(tile.hashes)), level + 1);
  }

  /** Returns what was appended, by tile. */
  appended(): AppendedTile[] {
    const grown = this.open.filter(({ before, hashes }) => hashes.length > before);
    return [...this.full, ...grown.map(toAppended)];
  }

  private openTile(level: number): OpenTile {
    return (this.open[level] ??= this.readOpenTile(level));
  }

  private readOpenTile(level: number): OpenTile {
    const count = Math.floor(this.size / TILE_WIDTH ** level);
    const index = Math.floor(count / TILE_WIDTH);
    const before = count % TILE_WIDTH;
    const hashes = before === 0 ? [] : splitHashes(this.hashesOf({ level, index }));
    if (hashes.length !== before) throw new Error(`Tile ${level}/${index} is not of this log`);
    return { level, index, before, hashes };
  }
}

function toAppended({ level, index, before, hashes }: OpenTile): AppendedTile {
  return { level, index, before, hashes: Buffer.concat(hashes.slice(before)) };
}

import { tileReader } from '../../packages/verify/src/tiles.js';
import type { HashReader } from '../../packages/verify/src/tree.js';
import type { TilePlace } from './tile-appender.js';

/** Tiles that were read from the database. A tile that does not exist has no hashes. */
export class StoredTiles {
  private readonly tiles: ReadonlyMap<string, Buffer>;

  constructor(rows: readonly (TilePlace & { hashes: Buffer })[]) {
    this.tiles = new Map(rows.map((row) => [keyOf(row), row.hashes]));
  }

  get(place: TilePlace): Buffer {
    return this.tiles.get(keyOf(place)) ?? Buffer.alloc(0);
  }

  /** Reads the hashes of subtrees. Throws a FormatError for a hash that is not there. */
  get reader(): HashReader {
    return tileReader((level, index) => this.get({ level, index }));
  }
}

function keyOf({ level, index }: TilePlace): string {
  return `${level}/${index}`;
}

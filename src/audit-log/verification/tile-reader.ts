import type { EntityManager } from 'typeorm';
import type { AuditTilesRepository } from '../audit-tiles.repository.js';

/** Number of tiles that one query reads: half a megabyte. */
const PAGE = 64;

/** Reads all tiles of a log, one level after the other. */
export class TileReader {
  private level = -1;
  /** The tiles of the present page, by index. */
  private page = new Map<number, Buffer>();
  /** The first index that the present page does not cover. */
  private end = 0;

  constructor(
    private readonly tiles: AuditTilesRepository,
    private readonly manager: EntityManager,
    private readonly log: number,
  ) {}

  /** Returns the hashes of a tile; empty if the tile is missing. The indexes of a level must ascend. */
  async read(level: number, index: number): Promise<Buffer> {
    if (level !== this.level || index >= this.end) {
      const rows = await this.tiles.list(this.manager, this.log, level, index, PAGE);
      this.page = new Map(rows.map((row) => [row.index, row.hashes]));
      this.level = level;
      this.end = rows.length < PAGE ? Infinity : (rows.at(-1)?.index ?? index) + 1;
    }
    return this.page.get(index) ?? Buffer.alloc(0);
  }
}

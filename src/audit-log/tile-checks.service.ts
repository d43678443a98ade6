import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { hashesRoot, splitHashes, TILE_WIDTH } from '../../packages/verify/src/tiles.js';
import { AuditLogRepository, type PositionedRow, type SealedLog } from './audit-log.repository.js';
import { AuditTilesRepository } from './audit-tiles.repository.js';
import { readRows, rowHash } from './event-rows.js';

/** The result of the comparison of one tile. */
interface TileCheck {
  /** Number of entries that were compared. */
  entries: number;
  /** The differences, each with the index of its entry. */
  differences: string[];
}

/** Compares tiles of the sealed log with the events of the database. */
@Injectable()
export class TileChecksService {
  constructor(
    private readonly logs: AuditLogRepository,
    private readonly tiles: AuditTilesRepository,
  ) {}

  /** Compares 256 entries with their events, and a full tile with its hash in the tile above. */
  async check(manager: EntityManager, log: SealedLog, index: number): Promise<TileCheck> {
    const place = { level: 0, index };
    const above = { level: 1, index: Math.floor(index / TILE_WIDTH) };
    const stored = await this.tiles.read(manager, log.log, [place, above]);
    const first = index * TILE_WIDTH;
    const count = Math.min(log.size - first, TILE_WIDTH);
    const hashes = splitHashes(stored.get(place));
    const rows = await this.readRows(manager, log.first_position + first, count);
    const differences = Array.from({ length: count }, (_, n) => {
      const row = rows.get(log.first_position + first + n);
      return differenceOf(first + n, hashes[n], row);
    }).filter((difference) => difference !== undefined);
    const parent = splitHashes(stored.get(above))[index % TILE_WIDTH];
    if (count === TILE_WIDTH && parent?.equals(hashesRoot(stored.get(place))) !== true) {
      differences.push(
        `tile 0/${index} does not hash to its parent: entries ${first} to ${first + count - 1}`,
      );
    }
    return { entries: count, differences };
  }

  private async readRows(
    manager: EntityManager,
    from: number,
    count: number,
  ): Promise<Map<number, PositionedRow>> {
    const found = new Map<number, PositionedRow>();
    for await (const row of readRows(this.logs, manager, from, from + count - 1)) {
      found.set(row.position, row);
    }
    return found;
  }
}

function differenceOf(
  index: number,
  hash: Buffer | undefined,
  row: PositionedRow | undefined,
): string | undefined {
  if (!row) return `entry ${index} is missing`;
  if (hash && rowHash(row)?.equals(hash) === true) return undefined;
  return `entry ${index} was changed (event ${row.id})`;
}

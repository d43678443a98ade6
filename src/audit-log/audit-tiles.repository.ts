import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import type { AppendedTile, TilePlace } from './tile-appender.js';
import { StoredTiles } from './stored-tiles.js';

/** Reads and extends the tiles of the sealed logs. */
@Injectable()
export class AuditTilesRepository {
  /** Returns the tiles at these places, as far as they exist. */
  async read(
    manager: EntityManager,
    log: number,
    places: readonly TilePlace[],
  ): Promise<StoredTiles> {
    const levels = places.map(({ level }) => level);
    const indexes = places.map(({ index }) => index);
    return new StoredTiles(await sql(manager, READ, [log, levels, indexes]));
  }

  /** Returns consecutive tiles of one level. */
  list(
    manager: EntityManager,
    log: number,
    level: number,
    from: number,
    limit: number,
  ): Promise<{ index: number; hashes: Buffer }[]> {
    return sql(manager, LIST, [log, level, from, limit]);
  }

  /** Appends hashes to tiles. Rejects if a tile does not have the length that it had when it was read. */
  async append(manager: EntityManager, log: number, tiles: readonly AppendedTile[]): Promise<void> {
    const values = JSON.stringify(
      tiles.map(({ hashes, ...place }) => ({ ...place, hashes: hashes.toString('hex') })),
    );
    const [inserted, updated] = await Promise.all([
      sql(manager, INSERT, [log, values]),
      sql(manager, UPDATE, [log, values]),
    ]);
    if (inserted.length + updated.length !== tiles.length) {
      throw new Error('A tile of the sealed log does not have the expected length');
    }
  }
}

const READ = `
  SELECT t.level::int AS level, t.index::float8 AS index, t.hashes
    FROM unnest($2::smallint[], $3::bigint[]) AS p(level, index)
    JOIN audit_tiles t ON (t.log, t.level, t.index) = ($1, p.level, p.index)`;

const LIST = `
  SELECT index::float8 AS index, hashes FROM audit_tiles
   WHERE log = $1 AND level = $2 AND index >= $3 ORDER BY index LIMIT $4`;

const APPENDED = `
  jsonb_to_recordset($2::jsonb) AS a(level smallint, index bigint, before integer, hashes text)`;

const INSERT = `
  INSERT INTO audit_tiles (log, level, index, hashes)
  SELECT $1, a.level, a.index, decode(a.hashes, 'hex') FROM ${APPENDED} WHERE a.before = 0
  RETURNING level`;

const UPDATE = `
  UPDATE audit_tiles t SET hashes = t.hashes || decode(a.hashes, 'hex')
    FROM ${APPENDED}
   WHERE (t.log, t.level, t.index) = ($1, a.level, a.index) AND a.before > 0
     AND octet_length(t.hashes) = a.before * 32
  RETURNING t.level`;

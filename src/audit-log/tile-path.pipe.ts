import { Injectable, type PipeTransform } from '@nestjs/common';
import type { Tile } from '../../packages/verify/src/tiles.js';
import { isRecord } from '../common/is-record.js';
import { parsePath } from './tile-path.js';

/** Parses the level and the path of a tile. */
@Injectable()
export class TilePathPipe implements PipeTransform<unknown, Tile> {
  transform(parameters: unknown): Tile {
    const { level, path } = isRecord(parameters) ? parameters : {};
    const { index, width } = parsePath(String(level), path);
    return { level: Number(level), index, width };
  }
}

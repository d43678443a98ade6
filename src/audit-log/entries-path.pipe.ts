import { Injectable, type PipeTransform } from '@nestjs/common';
import type { EntryBundle } from '../../packages/verify/src/tiles.js';
import { parsePath } from './tile-path.js';

/** Parses the path of a bundle of entries. */
@Injectable()
export class EntriesPathPipe implements PipeTransform<unknown, EntryBundle> {
  transform(path: unknown): EntryBundle {
    const { index, width } = parsePath('entries', path);
    return { index, width };
  }
}

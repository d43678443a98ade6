import { parseTilePath } from '../../packages/verify/src/tiles.js';
import { InvalidInputError } from '../errors/domain-error.js';

/**
 * Parses the path of a tile or of a bundle of entries (C2SP tlog-tiles).
 *
 * @param path the list of its segments after the level: a wildcard of Express
 * @throws InvalidInputError
 */
export function parsePath(
  level: string,
  path: unknown,
): NonNullable<ReturnType<typeof parseTilePath>> {
  const index = Array.isArray(path) ? path.join('/') : String(path);
  const parsed = parseTilePath(`${level}/${index}`);
  if (parsed) return parsed;
  throw new InvalidInputError([
    {
      pointer: '/path',
      message:
        'The path must be a level from 0 to 63 or the word entries, an index such as 067 or x001/x234/067, and .p/<width> for a partial tile',
    },
  ]);
}

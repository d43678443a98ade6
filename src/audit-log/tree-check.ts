import { FormatError } from '../../packages/verify/src/encoding.js';
import type { Checkpoint } from '../../packages/verify/src/note.js';
import { openTilesOf, type TilePlace } from './tile-appender.js';
import { tilesOfRanges } from '../../packages/verify/src/tiles.js';
import { type HashReader, treeHash } from '../../packages/verify/src/tree.js';

/** A log contradicts a head that it has published. */
export class DivergedError extends Error {}

/** Returns the places of the tiles from which {@link assertExtends} reads. */
export function tilesOfHeads(
  size: number,
  heads: readonly Pick<Checkpoint, 'size'>[],
): TilePlace[] {
  const known = heads.filter((head) => head.size <= size);
  return [
    ...openTilesOf(size),
    ...tilesOfRanges(
      known.map((head) => ({ start: 0, end: head.size })),
      size,
    ),
  ];
}

/**
 * Asserts that a log has its root, and extends the heads that were published of it. Both trees are read from the same
 * tiles, which only grow, so equal roots at the size of the head mean that the tree extends it.
 *
 * @throws DivergedError
 */
export function assertExtends(
  { size, root }: Pick<Checkpoint, 'size' | 'root'>,
  heads: readonly Pick<Checkpoint, 'size' | 'root'>[],
  read: HashReader,
): void {
  if (!root.equals(rootOf(size, read))) {
    throw new DivergedError(`The tiles do not add up to the log of ${size} entries.`);
  }
  for (const head of heads) {
    if (head.size > size) {
      throw new DivergedError(
        `The log has ${size} entries, but a head of ${head.size} entries was published.`,
      );
    }
    if (!head.root.equals(rootOf(head.size, read))) {
      throw new DivergedError(
        `The log does not extend the published head of ${head.size} entries.`,
      );
    }
  }
}

function rootOf(size: number, read: HashReader): Buffer {
  try {
    return treeHash(size, read);
  } catch (error) {
    if (error instanceof FormatError)
      throw new DivergedError(`The log lacks tiles: ${error.message}.`);
    throw error;
  }
}

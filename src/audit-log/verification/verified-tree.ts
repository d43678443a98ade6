import {
  hashesRoot,
  splitHashes,
  TILE_WIDTH,
  tilesOfSize,
} from '../../../packages/verify/src/tiles.js';
import { CompactTree, HASH_BYTES } from '../../../packages/verify/src/tree.js';

/** Returns the hashes of a tile; empty if the tile is missing. */
export type TileSource = (level: number, index: number) => Promise<Buffer>;

/** The tree of a log, computed from the hashes of its entries and compared with the tiles above. */
export interface VerifiedTree {
  /** The hashes of all entries, one after the other. Those that are missing are zeros. */
  readonly leaves: Buffer;
  /** The roots at the requested sizes. */
  readonly roots: ReadonlyMap<number, Buffer>;
  /** Tiles that are not of the tree, with their entries. */
  readonly findings: readonly string[];
}

/** Reads all tiles of a log, and computes its roots at some sizes. */
export async function verifyTree(
  size: number,
  sizes: ReadonlySet<number>,
  read: TileSource,
): Promise<VerifiedTree> {
  const tree = CompactTree.empty();
  const roots = new Map([[0, tree.root()]]);
  const findings: string[] = [];
  const leaves: Buffer[] = [];
  /** The roots of the full tiles, by level and index. */
  const tileRoots: Buffer[][] = [];
  /** Tiles without all their hashes: they have no root to compare. */
  const cut = new Set<string>();
  for (const { level, index, width } of tilesOfSize(size)) {
    const bytes = await read(level, index);
    const whole = Math.min(Math.floor(bytes.length / HASH_BYTES), width);
    const stored = bytes.subarray(0, whole * HASH_BYTES);
    const entries = TILE_WIDTH ** level;
    const rangeOf = (first: number, count: number): string =>
      `entries ${first * entries} to ${Math.min((first + count) * entries, size) - 1}`;
    if (whole !== width) {
      const covered = rangeOf(index * TILE_WIDTH, width);
      findings.push(`tile ${level}/${index} does not have ${width} hashes: ${covered}`);
      cut.add(`${level}/${index}`);
    }
    const hashes = splitHashes(stored);
    if (level === 0) {
      leaves.push(Buffer.concat([stored], width * HASH_BYTES));
      for (const hash of hashes) {
        tree.append(hash);
        if (sizes.has(tree.size)) roots.set(tree.size, tree.root());
      }
    } else {
      for (const [n, hash] of hashes.entries()) {
        const child = index * TILE_WIDTH + n;
        if (cut.has(`${level - 1}/${child}`)) continue;
        if (tileRoots[level - 1]?.[child]?.equals(hash) === true) continue;
        findings.push(
          `tile ${level - 1}/${child} does not hash to its parent: ${rangeOf(child, 1)}`,
        );
      }
    }
    if (hashes.length === TILE_WIDTH) (tileRoots[level] ??= [])[index] = hashesRoot(stored);
  }
  return { leaves: Buffer.concat(leaves), roots, findings };
}

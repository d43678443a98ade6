import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sha256 } from '../../../packages/verify/src/encoding.js';
import { hashesRoot, TILE_WIDTH } from '../../../packages/verify/src/tiles.js';
import { CompactTree, HASH_BYTES } from '../../../packages/verify/src/tree.js';
import { verifyTree } from './verified-tree.js';

/** Three levels of tiles. */
const SIZE = TILE_WIDTH ** 2 + 3 * TILE_WIDTH + 7;

/** The tiles of a tree, by level and index. */
const tiles = new Map<string, Buffer>();
let root: Buffer;

beforeAll(() => {
  const tree = CompactTree.empty();
  let hashes = Array.from({ length: SIZE }, (_, index) => sha256(String(index)));
  for (const hash of hashes) tree.append(hash);
  root = tree.root();
  for (let level = 0; hashes.length > 0; level += 1) {
    const above: Buffer[] = [];
    for (let index = 0; index * TILE_WIDTH < hashes.length; index += 1) {
      const tile = Buffer.concat(hashes.slice(index * TILE_WIDTH, (index + 1) * TILE_WIDTH));
      tiles.set(`${level}/${index}`, tile);
      if (tile.length === TILE_WIDTH * HASH_BYTES) above.push(hashesRoot(tile));
    }
    hashes = above;
  }
});

const verify = (changed = new Map<string, Buffer>()) =>
  verifyTree(SIZE, new Set([1, 700, SIZE]), (level, index) => {
    const name = `${level}/${index}`;
    return Promise.resolve(changed.get(name) ?? tiles.get(name) ?? Buffer.alloc(0));
  });

/** The line about a tile below a hash of level 1 or 2. */
function lineOf(level: number, index: number): string {
  const entries = TILE_WIDTH ** (level + 1);
  const first = index * entries;
  return `tile ${level}/${index} does not hash to its parent: entries ${first} to ${first + entries - 1}`;
}

describe('The tree of a log', () => {
  it('has three levels of tiles and its root', async () => {
    expect([...tiles.keys()].filter((name) => name.startsWith('2/'))).toEqual(['2/0']);
    const { findings, roots } = await verify();
    expect(findings).toEqual([]);
    expect(roots.get(SIZE)).toEqual(root);
  });

  it('names the tile below a hash that was changed, at each level above 0', async () => {
    const hashes = fc.constantFrom(
      ...[...tiles].flatMap(([name, { length }]) =>
        name.startsWith('0/')
          ? []
          : Array.from({ length: length / HASH_BYTES }, (_, n) => ({ name, n })),
      ),
    );
    await fc.assert(
      fc.asyncProperty(hashes, async ({ name, n }) => {
        const [level = 0, index = 0] = name.split('/').map(Number);
        const changed = Buffer.from(tiles.get(name) ?? Buffer.alloc(0));
        sha256('changed').copy(changed, n * HASH_BYTES);
        const { findings } = await verify(new Map([[name, changed]]));
        const own = lineOf(level - 1, index * TILE_WIDTH + n);
        // A changed hash changes the root of its full tile, too.
        const isFull = changed.length === TILE_WIDTH * HASH_BYTES;
        expect(findings).toEqual(isFull ? [own, lineOf(level, index)] : [own]);
      }),
      { numRuns: 5 },
    );
  });

  it('names a tile that is missing or cut', async () => {
    for (const [name, entries] of [
      ['0/3', '768 to 1023'],
      ['1/0', '0 to 65535'],
    ] as const) {
      const line = `tile ${name} does not have 256 hashes: entries ${entries}`;
      for (const hashes of [0, 31]) {
        const cut = tiles.get(name)?.subarray(0, hashes * HASH_BYTES + 1) ?? Buffer.alloc(0);
        expect((await verify(new Map([[name, cut]]))).findings).toEqual([line]);
      }
    }
  });
});

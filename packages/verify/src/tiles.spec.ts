import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FormatError } from './encoding.js';
import {
  bundlesOfSize,
  decodeEntries,
  encodeEntries,
  entriesPath,
  hashesRoot,
  parseTilePath,
  splitHashes,
  tilePath,
  tileReader,
  tilesOfRanges,
  tilesOfSize,
} from './tiles.js';
import {
  CompactTree,
  inclusionProof,
  inclusionRanges,
  isIncluded,
  leafHash,
  treeHash,
} from './tree.js';

describe('The path of a tile', () => {
  it.each([
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 0, index: 273, width: 112 }, 'tile/0/273.p/112'],
    [{ level: 2, index: 1_234_067, width: 256 }, 'tile/2/x001/x234/067'],
    [{ level: 1, index: 1_000, width: 1 }, 'tile/1/x001/000.p/1'],
  ])('of %j is that of C2SP tlog-tiles', (tile, path) => {
    expect(tilePath(tile)).toBe(path);
    expect(parseTilePath(path.slice('tile/'.length))).toEqual(tile);
  });

  it('of a bundle of entries has the level entries', () => {
    expect(entriesPath({ index: 1_234_067, width: 3 })).toBe('tile/entries/x001/x234/067.p/3');
    expect(parseTilePath('entries/x001/x234/067.p/3')).toEqual({
      level: 'entries',
      index: 1_234_067,
      width: 3,
    });
  });

  it.each([
    '0/0',
    '0/0000',
    '00/000',
    '64/000',
    '0/x000/001',
    '0/001/002',
    '0/x001',
    '0/000.p/0',
    '0/000.p/256',
    '0/000.p/01',
    '0/000.p/',
    '0/-01',
    'x/000',
    '0/../000',
    '0/000/',
    '',
    '0/x999/x999/x999/x999/x999/999',
  ])('is not %s', (path) => {
    expect(parseTilePath(path)).toBeUndefined();
  });

  it('is parsed back for each tile', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 63 }),
        fc.maxSafeNat(),
        fc.integer({ min: 1, max: 256 }),
        (level, index, width) => {
          const path = tilePath({ level, index, width });
          expect(parseTilePath(path.slice('tile/'.length))).toEqual({ level, index, width });
        },
      ),
    );
  });
});

describe('The tiles of a tree', () => {
  it('of 70,000 entries are those of the example of C2SP tlog-tiles', () => {
    const tiles = [...tilesOfSize(70_000)];
    const partial = tiles.filter(({ width }) => width < 256).map(tilePath);

    expect(tiles.filter(({ level, width }) => level === 0 && width === 256)).toHaveLength(273);
    expect(tiles.filter(({ level, width }) => level === 1 && width === 256)).toHaveLength(1);
    expect(partial).toEqual(['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1']);
    expect([...bundlesOfSize(70_000)]).toHaveLength(274);
    expect([...tilesOfSize(256)].map(tilePath)).toEqual(['tile/0/000', 'tile/1/000.p/1']);
    expect([...tilesOfSize(0), ...bundlesOfSize(0)]).toEqual([]);
  });

  it('hold the hashes of the root and of all inclusion proofs', () => {
    const leaves = Array.from({ length: 66_000 }, (_, n) => leafHash(`leaf ${n}`));
    const tiles = tilesFrom(leaves);

    fc.assert(
      fc.property(fc.integer({ min: 1, max: leaves.length }), fc.nat(), (size, n) => {
        const index = n % size;
        const wanted = new Set(
          tilesOfRanges([{ start: 0, end: size }, ...inclusionRanges(index, size)], size).map(
            tilePath,
          ),
        );
        const read = tileReader((level, tile) => {
          const hashes = tiles.get(`${level}/${tile}`) ?? Buffer.alloc(0);
          const { width } = [...tilesOfSize(size)].find(
            (t) => t.level === level && t.index === tile,
          ) ?? { width: 0 };
          expect(wanted).toContain(tilePath({ level, index: tile, width }));
          return hashes.subarray(0, width * 32);
        });
        const tree = CompactTree.empty();
        for (const leaf of leaves.slice(0, size)) tree.append(leaf);
        const root = treeHash(size, read);
        const proof = inclusionProof(index, size, read);

        expect(root).toEqual(tree.root());
        expect(isIncluded({ index, size, hash: leaves[index] ?? root, root, proof })).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  it('have no hash beyond their width', () => {
    const read = tileReader(() => Buffer.alloc(32));

    expect(() => read({ level: 0, index: 1 })).toThrow(FormatError);
  });
});

describe('A bundle of entries', () => {
  it('holds entries of up to 65,535 bytes, each after its length', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 400 })), (entries) => {
        const bytes = encodeEntries(entries);
        expect(decodeEntries(bytes)).toEqual(entries.map((entry) => Buffer.from(entry)));
      }),
    );
    expect(encodeEntries(['ab', ''])).toEqual(Buffer.from('00026162' + '0000', 'hex'));
    expect(decodeEntries(encodeEntries(['x'.repeat(65_535)]))).toHaveLength(1);
    expect(() => encodeEntries(['x'.repeat(65_536)])).toThrow(FormatError);
  });

  it.each(['00', '0001', '000261', '00026162' + '00'])(
    'does not end within an entry: %s',
    (hex) => {
      expect(() => decodeEntries(Buffer.from(hex, 'hex'))).toThrow(FormatError);
    },
  );
});

/** Returns all full and partial tiles, as level/index. */
function tilesFrom(leaves: readonly Buffer[]): Map<string, Buffer> {
  const tiles = new Map<string, Buffer>();
  for (let [level, hashes] = [0, leaves]; hashes.length > 0; level += 1) {
    const above: Buffer[] = [];
    for (let index = 0; index * 256 < hashes.length; index += 1) {
      const tile = Buffer.concat(hashes.slice(index * 256, (index + 1) * 256));
      tiles.set(`${level}/${index}`, tile);
      if (splitHashes(tile).length === 256) above.push(hashesRoot(tile));
    }
    hashes = above;
  }
  return tiles;
}

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  CompactTree,
  consistencyProof,
  EMPTY_ROOT,
  type HashReader,
  inclusionProof,
  isConsistent,
  isIncluded,
  joinHashes,
  leafHash,
  subtreesOf,
  treeHash,
} from './tree.js';

/** The leaves of the published vectors of Certificate Transparency. */
const LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));

/** The roots of the trees of 1 to 8 of these leaves. */
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];

const hex = (hashes: readonly Buffer[]): string[] => hashes.map((hash) => hash.toString('hex'));

describe('A Merkle tree of RFC 6962', () => {
  const read = readerOf(LEAVES);

  it('has the published roots', () => {
    expect(hex([EMPTY_ROOT])).toEqual([
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    ]);
    expect(hex(LEAVES.map((_, n) => treeHash(n + 1, read)))).toEqual(ROOTS);
  });

  it.each([
    [0, 1, []],
    [
      0,
      8,
      [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    ],
    [
      5,
      8,
      [
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
    [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']],
    [
      1,
      5,
      [
        '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    ],
  ])('has the published inclusion proof of leaf %i in the tree of %i', (index, size, proof) => {
    expect(hex(inclusionProof(index, size, read))).toEqual(proof);
  });

  it.each([
    [1, 1, []],
    [
      1,
      8,
      [
        '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
      ],
    ],
    [
      6,
      8,
      [
        '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
        'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
        'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
      ],
    ],
    [
      2,
      5,
      [
        '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
        'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
      ],
    ],
  ])('has the published consistency proof from %i to %i', (from, to, proof) => {
    expect(hex(consistencyProof(from, to, read))).toEqual(proof);
  });

  it('has no proof beyond its size', () => {
    expect(() => inclusionProof(8, 8, read)).toThrow(RangeError);
    expect(() => consistencyProof(9, 8, read)).toThrow(RangeError);
    expect(() => inclusionProof(-1, 8, read)).toThrow(RangeError);
    expect(() => inclusionProof(0.5, 8, read)).toThrow(RangeError);
  });
});

describe('Proofs of any tree', () => {
  const sizes = fc.integer({ min: 1, max: 300 });
  const read = readerOf(Array.from({ length: 300 }, (_, n) => Buffer.from(`leaf ${n}`)));
  const hashOf = (index: number): Buffer => leafHash(`leaf ${index}`);

  it('show each leaf at its index, and at no other', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (size, a, b) => {
        const [index, other] = [a % size, b % size];
        const root = treeHash(size, read);
        const proof = inclusionProof(index, size, read);
        const claim = { index, size, hash: hashOf(index), root, proof };

        expect(isIncluded(claim)).toBe(true);
        expect(isIncluded({ ...claim, index: other })).toBe(other === index);
        expect(isIncluded({ ...claim, hash: hashOf(other) })).toBe(other === index);
        expect(isIncluded({ ...claim, proof: [...proof, root] })).toBe(false);
        expect(isIncluded({ ...claim, proof: proof.slice(1) })).toBe(proof.length === 0);
      }),
    );
  });

  it('show that a tree extends another, and not a fork of it', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (to, a, b) => {
        const [from, changed] = [1 + (a % to), b % to];
        const fork = readerOf(
          Array.from({ length: 300 }, (_, n) =>
            Buffer.from(n === changed ? 'forged' : `leaf ${n}`),
          ),
        );
        const proof = consistencyProof(from, to, read);
        const claim = {
          from,
          fromRoot: treeHash(from, read),
          to,
          toRoot: treeHash(to, read),
          proof,
        };

        expect(isConsistent(claim)).toBe(true);
        expect(isConsistent({ ...claim, fromRoot: treeHash(from, fork) })).toBe(changed >= from);
        expect(isConsistent({ ...claim, toRoot: treeHash(to, fork) })).toBe(false);
        const forged = consistencyProof(from, to, fork);
        const forgedClaim = { ...claim, toRoot: treeHash(to, fork), proof: forged };
        expect(isConsistent(forgedClaim)).toBe(changed >= from);
        expect(isConsistent({ ...claim, proof: [...proof, claim.toRoot] })).toBe(false);
      }),
    );
  });

  it('refuse hashes of another length, and sizes that are no numbers of leaves', () => {
    const root = treeHash(2, read);
    const claim = { index: 0, size: 2, hash: hashOf(0), root, proof: [hashOf(1)] };

    expect(isIncluded({ ...claim, proof: [Buffer.concat([hashOf(1), hashOf(1)])] })).toBe(false);
    expect(isIncluded({ ...claim, index: 0.5 })).toBe(false);
    expect(isIncluded({ ...claim, size: Infinity })).toBe(false);
    const extension = { from: 2, fromRoot: root, to: 2, toRoot: root, proof: [] };
    expect(isConsistent({ ...extension, from: 2.5 })).toBe(false);
    expect(isConsistent({ ...extension, from: 3 })).toBe(false);
    expect(isConsistent({ ...extension, from: 0, fromRoot: EMPTY_ROOT })).toBe(true);
    expect(isConsistent({ ...extension, from: 0 })).toBe(false);
  });

  it('lead through trees that are larger than 2^32', () => {
    const node = leafHash('node');
    const size = 2 ** 40 + 12_345;
    const proof = inclusionProof(2 ** 35 + 7, size, () => node);

    expect(subtreesOf({ start: 0, end: size })).toHaveLength(7);
    expect(proof).toHaveLength(41);
    const root = joinHashes(subtreesOf({ start: 0, end: size }).map(() => node));
    expect(isIncluded({ index: 2 ** 35 + 7, size, hash: node, root, proof })).toBe(false);
  });
});

describe('A compact tree', () => {
  const read = readerOf(Array.from({ length: 600 }, (_, n) => Buffer.from(`leaf ${n}`)));

  it('has the root of the whole tree, grown leaf by leaf or read at any size', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(99), (start, added) => {
        const tree = CompactTree.read(start, read);
        for (let n = 0; n < added; n += 1) tree.append(leafHash(`leaf ${start + n}`));

        expect(tree.size).toBe(start + added);
        expect(tree.root()).toEqual(treeHash(start + added, read));
      }),
    );
  });
});

/** Returns the hashes of subtrees as RFC 6962 defines them: by recursion. */
function readerOf(leaves: readonly Buffer[]): HashReader {
  const known = new Map<string, Buffer>();
  const read: HashReader = ({ level, index }) => {
    const key = `${level}/${index}`;
    const hash =
      known.get(key) ??
      (level === 0
        ? leafHash(leaves[index] ?? Buffer.alloc(0))
        : joinHashes([
            read({ level: level - 1, index: 2 * index }),
            read({ level: level - 1, index: 2 * index + 1 }),
          ]));
    known.set(key, hash);
    return hash;
  };
  return read;
}

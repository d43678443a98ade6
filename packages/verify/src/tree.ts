import { sha256 } from './encoding.js';

/**
 * Merkle trees of RFC 6962, section 2 (the same as RFC 9162), over SHA-256. Sizes and indexes are integers up to
 * 2^53 - 1, so no function here uses the bitwise operators, which cut to 32 bits.
 */

/** Bytes of a hash. */
export const HASH_BYTES = 32;

/** The root of the tree without leaves. */
export const EMPTY_ROOT = sha256('');

/** A complete subtree: the leaves from `index * 2^level` to before `(index + 1) * 2^level`. */
export interface Subtree {
  readonly level: number;
  readonly index: number;
}

/** The leaves from `start` to before `end`, where `start` is a multiple of the next power of two of their number. */
export interface LeafRange {
  readonly start: number;
  readonly end: number;
}

/** Returns the hash of a complete subtree. */
export type HashReader = (subtree: Subtree) => Buffer;

/** Returns the hash of a leaf. */
export function leafHash(leaf: Uint8Array | string): Buffer {
  const bytes = typeof leaf === 'string' ? Buffer.from(leaf) : leaf;
  const input = Buffer.allocUnsafe(1 + bytes.length);
  input[0] = 0;
  input.set(bytes, 1);
  return sha256(input);
}

/** Returns the hash of the parent of two nodes. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  const input = Buffer.allocUnsafe(1 + 2 * HASH_BYTES);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 1 + HASH_BYTES);
  return sha256(input);
}

/** Returns the complete subtrees of which a range consists, in order: from large to small. */
export function subtreesOf({ start, end }: LeafRange): Subtree[] {
  const subtrees: Subtree[] = [];
  for (let next = start; next < end;) {
    const level = floorLog2(end - next);
    subtrees.push({ level, index: next / 2 ** level });
    next += 2 ** level;
  }
  return subtrees;
}

/** Returns the hash of a range, read from the complete subtrees of which it consists. */
export function rangeHash(range: LeafRange, read: HashReader): Buffer {
  return joinHashes(subtreesOf(range).map(read));
}

/** Returns the root of the tree with `size` leaves. */
export function treeHash(size: number, read: HashReader): Buffer {
  return rangeHash({ start: 0, end: size }, read);
}

/** Returns the root over the hashes of complete subtrees, from large to small. */
export function joinHashes(hashes: readonly Buffer[]): Buffer {
  const root = hashes.reduceRight<Buffer | undefined>(
    (right, left) => (right ? nodeHash(left, right) : left),
    undefined,
  );
  return root ?? EMPTY_ROOT;
}

/** Returns the ranges whose hashes are the inclusion proof of a leaf, from the leaf to the root. */
export function inclusionRanges(index: number, size: number): LeafRange[] {
  assertWithin(index, size - 1);
  const ranges: LeafRange[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = splitOf(start, end);
    if (index < middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  return ranges.reverse();
}

/** Returns the ranges whose hashes are the proof that the tree of size `to` extends that of size `from`. */
export function consistencyRanges(from: number, to: number): LeafRange[] {
  assertWithin(from, to);
  if (from === 0) return [];
  const ranges: LeafRange[] = [];
  let [start, end] = [0, to];
  while (from !== end) {
    const middle = splitOf(start, end);
    if (from <= middle) {
      ranges.push({ start: middle, end });
      end = middle;
    } else {
      ranges.push({ start, end: middle });
      start = middle;
    }
  }
  // The verifier has the hash of the old tree; it needs that of a part of it.
  if (start > 0) ranges.push({ start, end });
  return ranges.reverse();
}

/** Returns the inclusion proof of a leaf (RFC 6962, section 2.1.1). */
export function inclusionProof(index: number, size: number, read: HashReader): Buffer[] {
  return inclusionRanges(index, size).map((range) => rangeHash(range, read));
}

/** Returns the consistency proof of two sizes (RFC 6962, section 2.1.2). */
export function consistencyProof(from: number, to: number, read: HashReader): Buffer[] {
  return consistencyRanges(from, to).map((range) => rangeHash(range, read));
}

/** A leaf in a tree. */
export interface Inclusion {
  readonly index: number;
  readonly size: number;
  readonly hash: Buffer;
  readonly root: Buffer;
  readonly proof: readonly Buffer[];
}

/** Returns whether a leaf is at an index of a tree (RFC 9162, section 2.1.3.2). */
export function isIncluded({ index, size, hash, root, proof }: Inclusion): boolean {
  if (!isWithin(index, size - 1) || !areHashes(proof)) return false;
  let [node, last, computed] = [index, size - 1, hash];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      computed = nodeHash(sibling, computed);
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      computed = nodeHash(computed, sibling);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && computed.equals(root);
}

/** A tree and one that may extend it. */
export interface Extension {
  readonly from: number;
  readonly fromRoot: Buffer;
  readonly to: number;
  readonly toRoot: Buffer;
  readonly proof: readonly Buffer[];
}

/** Returns whether a tree extends another (RFC 9162, section 2.1.4.2). Each tree extends the empty one. */
export function isConsistent({ from, fromRoot, to, toRoot, proof }: Extension): boolean {
  if (!isWithin(from, to) || !isWithin(to, Number.MAX_SAFE_INTEGER) || !areHashes(proof))
    return false;
  if (from === 0) return proof.length === 0 && fromRoot.equals(EMPTY_ROOT);
  if (from === to) return proof.length === 0 && fromRoot.equals(toRoot);
  const [first, ...rest] = isPowerOfTwo(from) ? [fromRoot, ...proof] : proof;
  if (first === undefined || proof.length === 0) return false;
  let [node, last] = [from - 1, to - 1];
  while (node % 2 === 1) [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  let [old, computed] = [first, first];
  for (const hash of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      [old, computed] = [nodeHash(hash, old), nodeHash(hash, computed)];
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else {
      computed = nodeHash(computed, hash);
    }
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  return last === 0 && old.equals(fromRoot) && computed.equals(toRoot);
}

/** A tree that only grows, kept as the hashes of the complete subtrees of which it consists: at most 53. */
export class CompactTree {
  private constructor(
    private leaves: number,
    private readonly hashes: Buffer[],
  ) {}

  static empty(): CompactTree {
    return new CompactTree(0, []);
  }

  /** Returns the tree with `size` leaves, read from the complete subtrees of which it consists. */
  static read(size: number, read: HashReader): CompactTree {
    return new CompactTree(size, subtreesOf({ start: 0, end: size }).map(read));
  }

  get size(): number {
    return this.leaves;
  }

  /** Appends the hash of a leaf. */
  append(hash: Buffer): void {
    let node = hash;
    for (let rest = this.leaves; rest % 2 === 1; rest = (rest - 1) / 2) {
      node = nodeHash(this.hashes.pop() ?? EMPTY_ROOT, node);
    }
    this.hashes.push(node);
    this.leaves += 1;
  }

  root(): Buffer {
    return joinHashes(this.hashes);
  }
}

/** Returns where a range splits: after the largest power of two that is smaller than its length. */
function splitOf(start: number, end: number): number {
  return start + 2 ** floorLog2(end - start - 1);
}

/** Exact, unlike Math.log2. */
function floorLog2(value: number): number {
  let level = 0;
  while (2 ** (level + 1) <= value) level += 1;
  return level;
}

function isPowerOfTwo(value: number): boolean {
  return subtreesOf({ start: 0, end: value }).length === 1;
}

function areHashes(hashes: readonly Buffer[]): boolean {
  return hashes.every(({ length }) => length === HASH_BYTES);
}

function isWithin(value: number, limit: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= limit;
}

function assertWithin(value: number, limit: number): void {
  if (!isWithin(value, limit)) throw new RangeError(`${value} is not within 0 and ${limit}`);
}

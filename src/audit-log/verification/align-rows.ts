/** An event of the database, in the order of the event log. */
export interface AlignedRow {
  readonly id: string;
  readonly position: number;
  /** The hash of its leaf, in hexadecimal. Undefined: it has no leaf. */
  readonly hash: string | undefined;
}

/** The sealed hashes, in hexadecimal. */
export interface SealedHashes {
  readonly size: number;
  at(index: number): string;
}

/**
 * Compares the events of a database with the hashes that were sealed. The longest sequence of events that stand in their
 * sealed order counts as unchanged. An event outside of it stands elsewhere. Between two unchanged entries, other events and
 * missing entries pair up as changes; the rest was inserted, or is missing.
 *
 * @param rows all events, also those that are not sealed yet
 * @param endPosition the position of the last sealed entry: unknown events after it are not sealed yet
 * @returns one line for each difference, in the order of the entries
 */
export function alignRows(
  sealed: SealedHashes,
  rows: readonly AlignedRow[],
  endPosition: number,
): string[] {
  const indexes = indexesOf(sealed, rows);
  const first = endPosition - sealed.size + 1;
  const unchanged = longestAscending(indexes);
  const found = new Set(indexes.filter((index) => index >= 0));
  const lines: { index: number; text: string }[] = [];
  let entry = 0;
  let others: AlignedRow[] = [];
  const closeGap = (end: number): void => {
    const missing = range(entry, end).filter((index) => !found.has(index));
    const pairs = pairUp(missing, others, (row) => row.position - first);
    for (const [index, row] of pairs) {
      const text = row
        ? `entry ${index} was changed (event ${row.id})`
        : `entry ${index} is missing`;
      lines.push({ index, text });
    }
    const paired = new Set(pairs.values());
    const inserted = others.filter((row) => !paired.has(row));
    for (const row of inserted.filter(({ position }) => position <= endPosition)) {
      lines.push({ index: end, text: `event ${row.id} was inserted before entry ${end}` });
    }
    others = [];
  };
  for (const [n, row] of rows.entries()) {
    const index = indexes[n] ?? -1;
    if (unchanged.has(n)) {
      closeGap(index);
      entry = index + 1;
    } else if (index >= 0) {
      lines.push({ index, text: `entry ${index} stands elsewhere (event ${row.id})` });
    } else if (row.position <= endPosition || others.length > 0) {
      others.push(row);
    }
  }
  closeGap(sealed.size);
  return lines.sort((a, b) => a.index - b.index).map(({ text }) => text);
}

/** Returns the event at the place of each missing entry; of those that are left, one after the other. */
function pairUp(
  missing: readonly number[],
  rows: readonly AlignedRow[],
  placeOf: (row: AlignedRow) => number,
): Map<number, AlignedRow | undefined> {
  const byPlace = new Map(rows.map((row) => [placeOf(row), row]));
  const pairs = new Map(missing.map((index) => [index, byPlace.get(index)]));
  const paired = new Set(pairs.values());
  const left = rows.filter((row) => !paired.has(row));
  for (const index of missing) pairs.set(index, pairs.get(index) ?? left.shift());
  return pairs;
}

/** Returns the sealed index of each row; -1 for a hash that was not sealed. */
function indexesOf(sealed: SealedHashes, rows: readonly AlignedRow[]): number[] {
  // In an unchanged log each row is at its place. Only others need a search.
  const inPlace = rows.map(({ hash }, n) => n < sealed.size && sealed.at(n) === hash);
  const free = new Map<string, number>();
  for (let index = 0; index < sealed.size; index += 1) {
    if (inPlace[index] !== true) free.set(sealed.at(index), index);
  }
  return rows.map(({ hash }, n) => (inPlace[n] === true ? n : (free.get(hash ?? '') ?? -1)));
}

/** Returns the places of a longest strictly ascending sequence of the values that are not negative. */
function longestAscending(values: readonly number[]): Set<number> {
  /** By length: the place of the smallest value that ends a sequence of that length. */
  const ends: number[] = [];
  const previous = new Map<number, number>();
  for (const [place, value] of values.entries()) {
    if (value < 0) continue;
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((values[ends[middle] ?? 0] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    const before = ends[low - 1];
    if (before !== undefined) previous.set(place, before);
    ends[low] = place;
  }
  const longest = new Set<number>();
  for (let place = ends.at(-1); place !== undefined; place = previous.get(place))
    longest.add(place);
  return longest;
}

function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(end - start, 0) }, (_, n) => start + n);
}

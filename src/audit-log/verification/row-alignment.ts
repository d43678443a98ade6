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
  /** Undefined: the tile with the hash is missing, so nothing can be compared. */
  at(place: number): string | undefined;
}

/** Consecutive rows that are at their places. */
interface Run {
  readonly start: number;
  end: number;
}

type Part = Run | AlignedRow;

/**
 * Compares the events of a database with the hashes that were sealed. Events at their places are unchanged. Between them,
 * the longest sequence of events that are in their sealed order counts as unchanged, and an event outside of it stands
 * elsewhere. Between two unchanged entries, other events and missing entries pair up as changes; the rest was inserted, or
 * is missing.
 *
 * Keeps only the events that are not at their places, so a log of any length needs little memory.
 */
export class RowAlignment {
  private readonly parts: Part[] = [];

  /**
   * @param first the position of the event of the first hash
   * @param entry the index of the entry of the first hash
   */
  constructor(
    private readonly sealed: SealedHashes,
    private readonly first: number,
    private readonly entry = 0,
  ) {}

  /** Adds the next event, also one that is not sealed yet. */
  add(row: AlignedRow): void {
    const place = row.position - this.first;
    if (!this.isAtPlace(row, place)) {
      this.parts.push(row);
      return;
    }
    const last = this.parts.at(-1);
    if (last && isRun(last) && last.end === place) last.end += 1;
    else this.parts.push({ start: place, end: place + 1 });
  }

  /** Returns one line for each difference, in the order of the entries. */
  lines(): string[] {
    const places = this.placesOf();
    const unchanged = longestAscending(this.candidates(places));
    const gaps = new Gaps(
      this.sealed.size,
      this.first,
      new Set(places.filter((place) => place >= 0)),
    );
    for (const [n, part] of this.parts.entries()) {
      const place = places[n] ?? -1;
      if (isRun(part)) gaps.close(part.start, part.end);
      else if (unchanged.has(n)) gaps.close(place, place + 1);
      else if (place >= 0)
        gaps.add(place, (entry) => `entry ${entry} stands elsewhere (event ${part.id})`);
      else gaps.addUnknown(part);
    }
    gaps.end();
    return gaps.lines(this.entry);
  }

  private isAtPlace({ hash }: AlignedRow, place: number): boolean {
    if (place < 0 || place >= this.sealed.size) return false;
    const sealed = this.sealed.at(place);
    return sealed === undefined || sealed === hash;
  }

  /** Returns the sealed place of each part; -1 for a row that was not sealed. */
  private placesOf(): number[] {
    const free = new Map<string, number>();
    let next = 0;
    for (const run of [...this.parts.filter(isRun), { start: this.sealed.size, end: 0 }]) {
      for (let place = next; place < run.start; place += 1) {
        const hash = this.sealed.at(place);
        if (hash !== undefined) free.set(hash, place);
      }
      next = run.end;
    }
    return this.parts.map((part) => (isRun(part) ? part.start : (free.get(part.hash ?? '') ?? -1)));
  }

  /** Returns the places, without those of rows that stand behind a run of later entries, or before one of earlier ones. */
  private candidates(places: readonly number[]): number[] {
    const candidates = [...places];
    let least = 0;
    for (const [n, part] of this.parts.entries()) {
      if (isRun(part)) least = part.end;
      else if ((candidates[n] ?? -1) < least) candidates[n] = -1;
    }
    let most = this.sealed.size;
    for (const [n, part] of [...this.parts.entries()].reverse()) {
      if (isRun(part)) most = part.start;
      else if ((candidates[n] ?? -1) >= most) candidates[n] = -1;
    }
    return candidates;
  }
}

/** Collects the differences between unchanged entries. */
class Gaps {
  private readonly found: { place: number; textOf: (entry: number) => string }[] = [];
  private next = 0;
  private unknown: AlignedRow[] = [];

  /** @param known places of the entries whose events were found, wherever they are */
  constructor(
    private readonly size: number,
    private readonly first: number,
    private readonly known: ReadonlySet<number>,
  ) {}

  add(place: number, textOf: (entry: number) => string): void {
    this.found.push({ place, textOf });
  }

  addUnknown(row: AlignedRow): void {
    this.unknown.push(row);
  }

  /** Ends the gap before unchanged entries. */
  close(start: number, end: number): void {
    const missing: number[] = [];
    for (let place = this.next; place < start; place += 1) {
      if (!this.known.has(place)) missing.push(place);
    }
    const pairs = pairUp(missing, this.unknown, (row) => row.position - this.first);
    for (const [place, row] of pairs) {
      this.add(place, (entry) =>
        row ? `entry ${entry} was changed (event ${row.id})` : `entry ${entry} is missing`,
      );
    }
    const paired = new Set(pairs.values());
    for (const row of this.unknown.filter((unknown) => !paired.has(unknown))) {
      this.add(start, (entry) => `event ${row.id} was inserted before entry ${entry}`);
    }
    this.unknown = [];
    this.next = end;
  }

  /** Ends the last gap. Unknown events after the last entry are not sealed yet. */
  end(): void {
    this.unknown = this.unknown.filter(({ position }) => position < this.first + this.size);
    this.close(this.size, this.size);
  }

  lines(entry: number): string[] {
    return [...this.found]
      .sort((a, b) => a.place - b.place)
      .map(({ place, textOf }) => textOf(entry + place));
  }
}

function isRun(part: Part): part is Run {
  return 'start' in part;
}

/** Returns the event at the place of each missing entry; of those that are left, one after the other. */
function pairUp(
  missing: readonly number[],
  rows: readonly AlignedRow[],
  placeOf: (row: AlignedRow) => number,
): Map<number, AlignedRow | undefined> {
  const byPlace = new Map(rows.map((row) => [placeOf(row), row]));
  const pairs = new Map(missing.map((place) => [place, byPlace.get(place)]));
  const paired = new Set(pairs.values());
  const left = rows.filter((row) => !paired.has(row));
  for (const place of missing) pairs.set(place, pairs.get(place) ?? left.shift());
  return pairs;
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

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AlignedRow, RowAlignment } from './row-alignment.js';

const SIZE = 40;
const hashOf = (index: number): string => `hash-${index}`;
const sealed = { size: SIZE, at: hashOf };

const rows = (): AlignedRow[] =>
  Array.from({ length: SIZE }, (_, index) => ({
    id: `event-${index}`,
    position: index + 1,
    hash: hashOf(index),
  }));

function alignRows(aligned: readonly AlignedRow[]): string[] {
  const alignment = new RowAlignment(sealed, 1);
  for (const row of aligned) alignment.add(row);
  return alignment.lines();
}

const entries = fc.uniqueArray(fc.nat(SIZE - 1), { maxLength: 15 });

describe('The alignment of rows', () => {
  it('names exactly the entries that were changed or removed', () => {
    fc.assert(
      fc.property(entries, entries, (changed, removed) => {
        const left = rows()
          .filter((_, index) => !removed.includes(index))
          .map((row) =>
            changed.includes(row.position - 1) ? { ...row, hash: `other-${row.id}` } : row,
          );
        const expected = Array.from({ length: SIZE }, (_, index) => index).flatMap((index) => {
          if (removed.includes(index)) return [`entry ${index} is missing`];
          return changed.includes(index)
            ? [`entry ${index} was changed (event event-${index})`]
            : [];
        });
        expect(alignRows(left)).toEqual(expected);
      }),
    );
  });

  it('names exactly the entries that were removed, if their places were closed', () => {
    fc.assert(
      fc.property(entries, (removed) => {
        const left = rows()
          .filter((_, index) => !removed.includes(index))
          .map((row, index) => ({ ...row, position: index + 1 }));
        const expected = [...removed].sort((a, b) => a - b);
        expect(alignRows(left)).toEqual(expected.map((index) => `entry ${index} is missing`));
      }),
    );
  });

  it('names exactly the events that were inserted', () => {
    fc.assert(
      fc.property(entries, (before) => {
        const places = [...before].sort((a, b) => a - b);
        const grown = rows()
          .flatMap((row, index) =>
            places.includes(index) ? [{ ...row, id: `new-${index}`, hash: 'new' }, row] : [row],
          )
          .map((row, index) => ({ ...row, position: index + 1 }));
        expect(alignRows(grown)).toEqual(
          places.map((index) => `event new-${index} was inserted before entry ${index}`),
        );
      }),
    );
  });

  it('names exactly the events that swapped their places', () => {
    fc.assert(
      fc.property(entries, (swapped) => {
        const pairs = swapped.slice(0, swapped.length - (swapped.length % 2));
        // A swap of neighbours is a move of one of them.
        const isApart = ([one = 0, other = 0]: readonly number[]): boolean =>
          rows().some(
            (_, n) => n > Math.min(one, other) && n < Math.max(one, other) && !pairs.includes(n),
          );
        fc.pre(pairs.every((_, n) => n % 2 === 1 || isApart(pairs.slice(n, n + 2))));
        const placeOf = new Map(
          pairs.map((index, n) => [index, pairs[n % 2 === 0 ? n + 1 : n - 1] ?? index]),
        );
        const moved = rows()
          .map((row, index) => ({ ...row, position: (placeOf.get(index) ?? index) + 1 }))
          .sort((a, b) => a.position - b.position);
        expect(alignRows(moved)).toEqual(
          [...pairs]
            .sort((a, b) => a - b)
            .map((index) => `entry ${index} stands elsewhere (event event-${index})`),
        );
      }),
    );
  });

  it('names the events that were moved over others, which closed the gap', () => {
    fc.assert(
      fc.property(fc.nat(SIZE - 1), fc.nat(SIZE - 1), (from, to) => {
        fc.pre(Math.abs(from - to) > 1);
        const [moved, ...others] = [
          ...rows().splice(from, 1),
          ...rows().filter((_, n) => n !== from),
        ];
        if (moved) others.splice(to, 0, moved);
        const placed = others.map((row, index) => ({ ...row, position: index + 1 }));
        expect(alignRows(placed)).toEqual([`entry ${from} stands elsewhere (event event-${from})`]);
      }),
    );
  });

  it('names the entries of a part of the log', () => {
    const part = { size: 10, at: (place: number) => hashOf(20 + place) };
    const alignment = new RowAlignment(part, 21, 20);
    for (const row of rows().slice(20, 30)) {
      if (row.position !== 24) alignment.add(row);
    }
    expect(alignment.lines()).toEqual(['entry 23 is missing']);
  });

  it('does not compare events with hashes that are missing', () => {
    const alignment = new RowAlignment(
      { size: SIZE, at: (place) => (place >= 8 && place < 16 ? undefined : hashOf(place)) },
      1,
    );
    for (const row of rows()) alignment.add(row);
    expect(alignment.lines()).toEqual([]);
  });

  it('takes unknown events after the end as not sealed yet', () => {
    const grown = [...rows(), { id: 'later', position: SIZE + 1, hash: 'later' }];
    expect(alignRows(grown)).toEqual([]);
  });
});

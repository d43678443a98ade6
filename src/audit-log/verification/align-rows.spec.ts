import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AlignedRow, alignRows } from './align-rows.js';

const SIZE = 40;
const hashOf = (index: number): string => `hash-${index}`;
const sealed = { size: SIZE, at: hashOf };

const rows = (): AlignedRow[] =>
  Array.from({ length: SIZE }, (_, index) => ({
    id: `event-${index}`,
    position: index + 1,
    hash: hashOf(index),
  }));

const entries = fc.uniqueArray(fc.nat(SIZE - 1), { maxLength: 15 });

describe('alignRows', () => {
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
        expect(alignRows(sealed, left, SIZE)).toEqual(expected);
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
        expect(alignRows(sealed, left, SIZE)).toEqual(
          expected.map((index) => `entry ${index} is missing`),
        );
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
        expect(alignRows(sealed, grown, SIZE + places.length)).toEqual(
          places.map((index) => `event new-${index} was inserted before entry ${index}`),
        );
      }),
    );
  });

  it('takes unknown events after the end as not sealed yet', () => {
    const grown = [...rows(), { id: 'later', position: SIZE + 1, hash: 'later' }];
    expect(alignRows(sealed, grown, SIZE)).toEqual([]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../errors/domain-error.js';
import { decodeCursor, encodeCursor, toPage } from './keyset.js';

const AT = '2026-01-31T12:00:00.123456Z';
const ID = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';

const cursorOf = (text: string): string => Buffer.from(text).toString('base64url');

describe('A cursor', () => {
  it('leads back to the place it was made of, to the microsecond', () => {
    expect(decodeCursor('tasks', encodeCursor('tasks', { at: AT, id: ID }))).toEqual({
      at: AT,
      id: ID,
    });
  });

  it('keeps the sort rank of its position', () => {
    const position = { at: AT, id: ID, sortRank: 2 };

    expect(decodeCursor('inbox', encodeCursor('inbox', position))).toEqual(position);
  });

  it.each([
    ['nothing', ''],
    ['no base64', '!!!'],
    ['something else', cursorOf('hello')],
    ['a place without its id', cursorOf(`tasks|${AT}`)],
    ['a time that there is not', cursorOf(`tasks|2026-13-31T12:00:00.123456Z|${ID}`)],
    ['a time without microseconds', cursorOf(`tasks|2026-01-31T12:00:00Z|${ID}`)],
    ['an id in upper case', cursorOf(`tasks|${AT}|${ID.toUpperCase()}`)],
    ['more after it', cursorOf(`tasks|${AT}|${ID}; DROP TABLE tasks`)],
    ['a line break after it', cursorOf(`tasks|${AT}|${ID}\n`)],
    ['of another list', encodeCursor('inbox', { at: AT, id: ID })],
    ['of no list', cursorOf(`${AT}|${ID}`)],
    ['another spelling of the same bytes', `${encodeCursor('tasks', { at: AT, id: ID })}=`],
  ])('is not %s', (_, cursor) => {
    expect(() => decodeCursor('tasks', cursor)).toThrow(DomainError);
    expect(() => decodeCursor('tasks', cursor)).toThrow(
      'cursor must be the next_cursor of the previous page',
    );
  });
});

describe('A page', () => {
  const rows = ['a', 'b', 'c'].map((id) => ({ id, keyset_at: '2026-01-31 12:00:00.123456' }));

  it.each([
    ['none', 0, 2, [], null],
    ['fewer than asked for', 1, 2, ['a'], null],
    ['as many as asked for', 2, 2, ['a', 'b'], null],
    ['one more', 3, 2, ['a', 'b'], 'b'],
  ])('of %s', (_, found, size, ids, last) => {
    const page = toPage('tasks', { rows: rows.slice(0, found), isTruncated: false }, size);

    expect(page.rows.map(({ id }) => id)).toEqual(ids);
    expect(page.next_cursor).toBe(last && encodeCursor('tasks', { at: AT, id: last }));
  });

  it('goes on after its last row where more followed that were too much', () => {
    const page = toPage('tasks', { rows: rows.slice(0, 1), isTruncated: true }, 2);

    expect(page.rows.map(({ id }) => id)).toEqual(['a']);
    expect(page.next_cursor).toBe(encodeCursor('tasks', { at: AT, id: 'a' }));
  });

  it.each([
    ['2026-01-31 12:00:00', '2026-01-31T12:00:00.000000Z'],
    ['2026-01-31 12:00:00.1', '2026-01-31T12:00:00.100000Z'],
    ['2026-01-31 12:00:00.000001', '2026-01-31T12:00:00.000001Z'],
  ])('goes on after the exact time %s', (keyset_at, at) => {
    const found = [{ id: ID, keyset_at }, ...rows];

    const { next_cursor } = toPage('inbox', { rows: found, isTruncated: false }, 1, () => ({
      id: 'other',
      sortRank: 2,
    }));

    expect(next_cursor).toBe(encodeCursor('inbox', { at, id: 'other', sortRank: 2 }));
  });
});

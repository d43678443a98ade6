import { describe, expect, it } from '@jest/globals';
import { DomainError } from '../errors/domain-error.js';
import { decodeCursor, encodeCursor, pageOf } from './keyset.js';

const AT = '2026-01-31T12:00:00.123456Z';
const ID = '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';

const cursorOf = (text: string): string => Buffer.from(text).toString('base64url');

describe('A cursor', () => {
  it('leads back to the place it was made of, to the microsecond', () => {
    expect(decodeCursor(encodeCursor({ at: AT, id: ID }))).toEqual({ at: AT, id: ID });
  });

  it.each([
    ['nothing', ''],
    ['no base64', '!!!'],
    ['something else', cursorOf('hello')],
    ['a place without its id', cursorOf(AT)],
    ['a time that there is not', cursorOf(`2026-13-31T12:00:00.123456Z|${ID}`)],
    ['a time without microseconds', cursorOf(`2026-01-31T12:00:00Z|${ID}`)],
    ['an id in upper case', cursorOf(`${AT}|${ID.toUpperCase()}`)],
    ['more after it', cursorOf(`${AT}|${ID}; DROP TABLE tasks`)],
    ['a line break after it', cursorOf(`${AT}|${ID}\n`)],
    ['another spelling of the same bytes', `${encodeCursor({ at: AT, id: ID })}=`],
  ])('is not %s', (_, cursor) => {
    expect(() => decodeCursor(cursor)).toThrow(DomainError);
    expect(() => decodeCursor(cursor)).toThrow('cursor must be the next_cursor of the page before');
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
    const page = pageOf(rows.slice(0, found), size);

    expect(page.rows.map(({ id }) => id)).toEqual(ids);
    expect(page.next_cursor).toBe(last && encodeCursor({ at: AT, id: last }));
  });

  it.each([
    ['2026-01-31 12:00:00', '2026-01-31T12:00:00.000000Z'],
    ['2026-01-31 12:00:00.1', '2026-01-31T12:00:00.100000Z'],
    ['2026-01-31 12:00:00.000001', '2026-01-31T12:00:00.000001Z'],
  ])('goes on after the exact time %s', (keyset_at, at) => {
    const found = [{ id: ID, keyset_at }, ...rows];

    const { next_cursor } = pageOf(found, 1, () => ({ id: 'other', rank: 2 }));

    expect(next_cursor).toBe(encodeCursor({ at, id: 'other', rank: 2 }));
  });
});

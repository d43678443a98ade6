import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { readTimestamp } from './timestamp.js';

const parse = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ, 'text') as (
  text: string,
) => Date;

describe('a time that Postgres tells', () => {
  it.each([
    ['2026-11-27 02:56:26.123456+00', '2026-11-27T02:56:26.123Z'],
    ['2026-11-27 02:56:26.999999+00', '2026-11-27T02:56:26.999Z'],
    ['2026-11-27 02:56:26.5+00', '2026-11-27T02:56:26.500Z'],
    ['2026-11-27 02:56:26.0001+00', '2026-11-27T02:56:26.000Z'],
    ['2026-11-27 02:56:26+00', '2026-11-27T02:56:26.000Z'],
    ['2024-02-29 23:59:59.9+00', '2024-02-29T23:59:59.900Z'],
    ['0001-01-01 00:00:00+00', '0001-01-01T00:00:00.000Z'],
    ['2026-11-27 03:56:26.123456+01', '2026-11-27T02:56:26.123Z'],
    ['2026-11-27 08:26:26.12+05:30', '2026-11-27T02:56:26.120Z'],
    ['12026-11-27 02:56:26+00', '+012026-11-27T02:56:26.000Z'],
    ['0044-03-15 12:00:00+00 BC', '-000043-03-15T12:00:00.000Z'],
  ])('reads %s as %s', (text, json) => {
    const time = readTimestamp(text);
    expect(time).toBeInstanceOf(Date);
    expect(time.getTime()).toBe(parse(text).getTime());
    expect(time.toISOString()).toBe(json);
    expect(JSON.stringify({ time })).toBe(`{"time":"${json}"}`);
  });

  it('reads what is no point in time as the driver does', () => {
    expect(readTimestamp('infinity')).toBe(Infinity);
  });
});

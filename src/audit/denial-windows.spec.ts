import { beforeEach, describe, expect, it } from '@jest/globals';
import { DenialWindows } from './denial-windows.js';

describe('DenialWindows', () => {
  let now: number;
  let sut: DenialWindows<string>;

  beforeEach(() => {
    now = 0;
    sut = new DenialWindows(60_000, 3, () => now);
  });

  const ended = (isEverything?: boolean) =>
    sut.takeEnded(isEverything).map(({ denial, repeats }) => [denial, repeats]);

  it('counts the repeats of a minute', () => {
    expect(sut.add('a', 'first')).toBe(true);
    expect([1, 2, 3].map(() => sut.add('a', 'again'))).toEqual([false, false, false]);
    expect(sut.add('b', 'other')).toBe(true);
    now = 59_999;
    expect(ended()).toEqual([]);
    now = 60_000;
    expect(ended()).toEqual([['first', 3]]);
    expect(sut.add('a', 'later')).toBe(true);
  });

  it('returns all windows at the end', () => {
    for (const key of ['a', 'b', 'a', 'c', 'c', 'c']) sut.add(key, key);
    expect(ended(true)).toEqual([
      ['a', 1],
      ['c', 2],
    ]);
    expect(ended(true)).toEqual([]);
  });

  it('ends the oldest windows early if there are too many, with their counts', () => {
    for (const key of ['a', 'a', 'b', 'c', 'd']) sut.add(key, key);
    expect(ended()).toEqual([['a', 1]]);
    expect(sut.add('a', 'again')).toBe(true);
    expect(sut.add('c', 'again')).toBe(false);
  });

  it('records the next denial if the first one was not recorded', () => {
    sut.add('a', 'first');
    sut.forget('a');
    expect(sut.add('a', 'second')).toBe(true);
  });
});

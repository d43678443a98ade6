import { describe, expect, it } from '@jest/globals';
import { isBlank } from './invisible-characters.js';

describe('A blank text', () => {
  it.each([
    ['nothing', ''],
    ['white space', ' \t\r\n\u00a0\u3000\u2003'],
    ['control characters', '\u0000\u0007\u001b\u007f\u0085'],
    ['a zero-width space', '\u200b'],
    ['zero-width joiners', '\u200c\u200d\u2060'],
    ['a byte order mark', '\ufeff'],
    ['marks of direction', '\u200e\u200f\u202a\u202e\u2066\u2069\u061c'],
    ['a soft hyphen', '\u00ad'],
    ['line and paragraph separators', '\u2028\u2029'],
    ['Hangul fillers', '\u115f\u1160\u3164\uffa0'],
    ['a blank of Braille', '\u2800'],
    ['variation selectors', '\ufe0e\ufe0f\u{e0100}'],
    ['tags', '\u{e0001}\u{e0041}\u{e007f}'],
    ['a combining grapheme joiner', '\u034f'],
    ['a Mongolian vowel separator', '\u180e'],
    ['interlinear annotations', '\ufff9\ufffa\ufffb'],
    ['private characters', '\ue000\u{f0000}'],
    ['what is not assigned', '\u0378\ufdd0\uffff'],
    ['a combining mark without a letter', '\u0301\u20dd'],
    ['a null notehead', '\u{1d159}'],
    ['the place of an object', '\ufffc'],
    ['Egyptian blanks and a Khitan filler', '\u{13441}\u{13442}\u{16fe4}'],
    ['half of a pair', '\ud83d'],
    ['several of them', ' \u200b\n\u3164\u2800'],
  ])('is %s', (_, text) => {
    expect(isBlank(text)).toBe(true);
  });

  it.each(['a', ' . ', '\u200bx', '财', '0', '👩', '❤️', '👩‍💻', '—', 'e\u0301', '\u0000a', '₫'])(
    'is not %j',
    (text) => {
      expect(isBlank(text)).toBe(false);
    },
  );

  it('is every mixture of invisible characters, however long, and none with a letter in it', () => {
    for (let round = 0; round < 2_000; round++) {
      const blank = Array.from({ length: round % 13 }, invisibleAt(round)).join('');
      expect(isBlank(blank)).toBe(true);
      expect(isBlank(`${blank}a${blank}`)).toBe(false);
    }
    expect(isBlank('\u200b \u2800'.repeat(100_000))).toBe(true);
  });

  it('is every character that Unicode calls white space, a format, or lets a renderer ignore', () => {
    const ignored = /[\p{White_Space}\p{Cf}\p{Default_Ignorable_Code_Point}]/u;
    const read: number[] = [];
    for (let code = 0; code <= 0x10_ff_ff; code++) {
      const character = String.fromCodePoint(code);
      if (ignored.test(character) && !isBlank(character)) read.push(code);
    }
    expect(read).toEqual([]);
  });
});

const SOME_INVISIBLE = [
  ...' \t\n\u00a0\u00ad\u034f\u115f\u180e\u200b\u200d\u2028\u2060\u2800\u3164\ufeff\u{e0041}',
];

/** Takes another one for each place of each round, the same every time. */
function invisibleAt(round: number): (_: unknown, place: number) => string {
  return (_, place) =>
    SOME_INVISIBLE[(round * 7 + place * 5 + place ** 2) % SOME_INVISIBLE.length] ?? ' ';
}

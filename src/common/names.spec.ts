import { describe, expect, it } from '@jest/globals';
import { inNfc, NAME, STORED_NAME } from './names.js';

const NFD = 'Gro\u0308\u00dfe';

describe('A name', () => {
  it.each([
    'a',
    'budget_approval',
    'Legal & Compliance',
    'R&D: "Europe" (north)',
    'größe',
    '財務\u3000部',
    '👩',
    'x'.repeat(50),
    '👩'.repeat(50),
    'toString',
    '__proto__',
  ])('is %j', (name) => {
    expect(NAME.test(name)).toBe(true);
    expect(STORED_NAME.test(name)).toBe(true);
  });

  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(51)],
    ['with a comma', 'a,b'],
    ['with a line break', 'a\nb'],
    ['with a carriage return', 'a\rb'],
    ['with a tab', 'a\tb'],
    ['with an escape', 'a\u001b[2Kb'],
    ['with U+0085', 'a\u0085b'],
    ['with a line separator', 'a\u2028b'],
    ['with white space before it', ' a'],
    ['with white space after it', 'a\u00a0'],
    ['with a zero-width space', 'a\u200bb'],
    ['with a byte order mark', '\ufeffa'],
    ['with a change of direction', 'a\u202eb'],
    ['with a soft hyphen', 'a\u00adb'],
    ['with a combining grapheme joiner', 'a\u034fb'],
    ['with a Hangul filler', 'a\u3164b'],
    ['with a blank of Braille', 'a\u2800b'],
    ['with a tag', 'a\u{e0061}'],
    ['with a variation selector', '❤\ufe0f'],
    ['with a private character', 'a\ue000'],
    ['with half of a pair', 'a\ud83d'],
    ['a combining mark alone', '\u0301'],
  ])('is not one %s', (_, name) => {
    expect(NAME.test(name)).toBe(false);
  });

  it('has one spelling', () => {
    expect(inNfc(NFD)).toBe('Größe');
    expect(inNfc([NFD, 7, 'a'])).toEqual(['Größe', 7, 'a']);
    expect(inNfc(null)).toBeNull();
  });

  it.each(['a,b', '❤\ufe0f', NFD])('that earlier versions accepted may be stored: %j', (name) => {
    expect(STORED_NAME.test(name)).toBe(true);
  });
});

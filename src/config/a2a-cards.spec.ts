import { describe, expect, it } from '@jest/globals';
import { parseCards } from './a2a-cards.js';

const skill = { id: 'review', description: 'Reviews.' };

describe('parseCards', () => {
  it('reads the texts of each role', () => {
    const cards = parseCards(
      JSON.stringify({ legal: { name: 'Legal', skills: [skill] }, finance: {} }),
    );

    expect([...cards]).toEqual([
      [
        'legal',
        {
          name: 'Legal',
          skills: [{ ...skill, name: 'review', tags: [], examples: [], extended: false }],
        },
      ],
      ['finance', { skills: [] }],
    ]);
  });

  it.each<[unknown, string]>([
    ['', 'the content'],
    [[], 'the content'],
    [{ legal: 5 }, 'legal'],
    [{ legal: { title: 'x' } }, 'legal'],
    [{ legal: { name: '' } }, 'legal.name'],
    [{ legal: { skills: {} } }, 'legal.skills'],
    [{ legal: { skills: [{ description: 'x' }] } }, 'legal.skills[0].id'],
    [{ legal: { skills: [{ ...skill, id: 'a,b' }] } }, 'legal.skills[0].id'],
    [{ legal: { skills: [{ id: 'x' }] } }, 'legal.skills[0].description'],
    [{ legal: { skills: [{ ...skill, tags: 'x' }] } }, 'legal.skills[0].tags'],
    [{ legal: { skills: [{ ...skill, examples: [5] }] } }, 'legal.skills[0].examples[0]'],
    [{ legal: { skills: [{ ...skill, extended: 'yes' }] } }, 'legal.skills[0].extended'],
  ])('refuses %j and names the place', (content, place) => {
    const parse = (): unknown =>
      parseCards(typeof content === 'string' ? content : JSON.stringify(content));

    expect(parse).toThrow(`${place} in the file of A2A_CARDS_FILE must be`);
  });
});

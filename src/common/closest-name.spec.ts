import { describe, expect, it } from '@jest/globals';
import { closestName } from './closest-name.js';

const KNOWN = ['task_type', 'description', 'data'];

describe('The closest name', () => {
  it.each([
    ['descripton', 'description'],
    ['desciption', 'description'],
    ['descritpion', 'description'],
    ['Description', 'description'],
    ['task_typ', 'task_type'],
    ['tasktype', 'task_type'],
    ['dat', 'data'],
    ['daat', 'data'],
  ])('to %s is %s', (name, known) => {
    expect(closestName(name, KNOWN)).toBe(known);
  });

  it.each(['amount', 'd', '', 'type', 'x'.repeat(100_000), 'de', 'dxtx'])(
    'to %j is none',
    (name) => {
      expect(closestName(name, KNOWN)).toBeUndefined();
    },
  );
});

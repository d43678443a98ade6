import { expect, it } from '@jest/globals';
import { Allowance } from './allowance.js';

it('lets a burst pass, then one per interval', () => {
  let now = 0;
  const allowance = new Allowance(2, 30, () => now);
  const spent = () => [allowance.spend(), allowance.spend(), allowance.spend()];
  expect(spent()).toEqual([true, true, false]);
  now = 29;
  expect(spent()).toEqual([false, false, false]);
  now = 30;
  expect(spent()).toEqual([true, false, false]);
  now = 300;
  expect(spent()).toEqual([true, true, false]);
});

it('says how long until one more is there', () => {
  let now = 0;
  const allowance = new Allowance(2, 30, () => now);
  expect(allowance.waitMs()).toBe(0);
  allowance.spend();
  allowance.spend();
  expect(allowance.waitMs()).toBe(30);
  now = 29;
  expect(allowance.waitMs()).toBe(1);
  now = 30;
  expect(allowance.waitMs()).toBe(0);
  expect(allowance.spend()).toBe(true);
});

it('is not used up by those it turns away', () => {
  let now = 0;
  const allowance = new Allowance(1, 30, () => now);
  allowance.spend();
  for (now = 1; now < 30; now += 1) expect(allowance.spend()).toBe(false);
  now = 31;
  expect(allowance.spend()).toBe(true);
});

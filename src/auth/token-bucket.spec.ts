import { expect, it } from '@jest/globals';
import { TokenBucket } from './token-bucket.js';

it('lets a burst pass, then one per interval', () => {
  let now = 0;
  const allowance = new TokenBucket(2, 30, () => now);
  const spent = () => [allowance.consume(), allowance.consume(), allowance.consume()];
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
  const allowance = new TokenBucket(2, 30, () => now);
  expect(allowance.waitMs()).toBe(0);
  allowance.consume();
  allowance.consume();
  expect(allowance.waitMs()).toBe(30);
  now = 29;
  expect(allowance.waitMs()).toBe(1);
  now = 30;
  expect(allowance.waitMs()).toBe(0);
  expect(allowance.consume()).toBe(true);
});

it('is not used up by those it turns away', () => {
  let now = 0;
  const allowance = new TokenBucket(1, 30, () => now);
  allowance.consume();
  for (now = 1; now < 30; now += 1) expect(allowance.consume()).toBe(false);
  now = 31;
  expect(allowance.consume()).toBe(true);
});

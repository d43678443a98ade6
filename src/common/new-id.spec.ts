import { describe, expect, it } from '@jest/globals';
import { validate, version } from 'uuid';
import { newId } from './new-id.js';

describe('New ids', () => {
  const ids = Array.from({ length: 2_000 }, () => newId());

  it('are UUIDs of version 7, each another', () => {
    expect(ids.filter((id) => !validate(id) || version(id) !== 7)).toEqual([]);
    expect(new Set(ids.map((id) => id.slice(-12))).size).toBe(ids.length);
  });

  it('are in the order in which they were made, also within a millisecond', () => {
    expect([...ids].sort()).toEqual(ids);
  });
});

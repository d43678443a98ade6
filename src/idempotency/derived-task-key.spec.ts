import { describe, expect, it } from '@jest/globals';
import { validate, version } from 'uuid';
import { derivedTaskKey } from './derived-task-key.js';

const SCOPE = Buffer.alloc(32, 0xab);

describe('derivedTaskKey', () => {
  it('is a UUID of version 5', () => {
    const key = derivedTaskKey(SCOPE, 1);
    expect(validate(key)).toBe(true);
    expect(version(key)).toBe(5);
  });

  it('stays what it is, since tasks are stored under it', () => {
    expect(derivedTaskKey(SCOPE, 1)).toBe('3632a026-71cc-5e32-b82a-242b407684aa');
  });

  it('differs for another scope and for another generation', () => {
    const keys = [
      derivedTaskKey(SCOPE, 1),
      derivedTaskKey(SCOPE, 2),
      derivedTaskKey(SCOPE, 11),
      derivedTaskKey(Buffer.alloc(32, 0xac), 1),
    ];
    expect(new Set(keys).size).toBe(4);
  });
});

import { describe, expect, it } from '@jest/globals';
import { ConnectionError, ProblemError } from './errors.js';
import { isTransient, pauseMs } from './retry.js';

const problem = (status: number, code = 'x') => new ProblemError({ code, status, detail: 'x' });

describe('A failed request', () => {
  it.each([408, 425, 429, 500, 502, 503, 504])('with %d is sent again with its key', (status) => {
    expect(isTransient(problem(status), true)).toBe(true);
  });

  it.each([400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422])(
    'with %d is not sent again',
    (status) => {
      expect(isTransient(problem(status), true)).toBe(false);
    },
  );

  it('that is still in progress is sent again', () => {
    expect(isTransient(problem(409, 'idempotency.in_progress'), true)).toBe(true);
  });

  it('without a key is sent again only if nothing was done', () => {
    const statuses = [408, 425, 429, 500, 502, 503, 504];
    expect(statuses.filter((status) => isTransient(problem(status), false))).toEqual([
      408, 425, 429, 503,
    ]);
    expect(isTransient(problem(503, 'database.commit_unknown'), false)).toBe(false);
    expect(isTransient(new ConnectionError('mesh.unreachable', 'x'), false)).toBe(false);
    expect(isTransient(new ConnectionError('mesh.unreachable', 'x'), true)).toBe(true);
  });

  it('of another kind is not sent again', () => {
    expect(isTransient(new Error('a mistake'), true)).toBe(false);
  });
});

describe('The pause', () => {
  it('grows from half a second to ten, at random below that', () => {
    const longest = Array.from({ length: 7 }, (_, retries) => pauseMs(retries, 0, () => 1));
    expect(longest).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    expect(pauseMs(1_000_000, 0, () => 1)).toBe(10_000);
    expect(pauseMs(3, 0, () => 0)).toBe(0);
  });

  it('is at least what the controller asks for, up to a minute', () => {
    expect(pauseMs(0, 2_000, () => 0)).toBe(2_000);
    expect(pauseMs(0, 3_600_000, () => 0)).toBe(60_000);
  });
});

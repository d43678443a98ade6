import { describe, expect, it } from '@jest/globals';
import { MeshError } from './mesh-client.js';
import { pauseMs, withRetries } from './retry.js';

/** An attempt that throws these, one after the other, and then answers. */
function failing(...problems: Error[]) {
  const attempts: number[] = [];
  const attempt = () => {
    attempts.push(attempts.length + 1);
    const problem = problems.shift();
    return problem === undefined ? Promise.resolve('done') : Promise.reject(problem);
  };
  return { attempt, attempts };
}

const answered = (status?: number) =>
  new MeshError({ code: 'x', detail: 'x', ...(status !== undefined && { status }) }, 0);

describe('retrying', () => {
  it.each([undefined, 429, 500, 502, 503, 504])('sends again after %s', async (status) => {
    const { attempt, attempts } = failing(answered(status));
    expect(await withRetries(3, attempt)).toBe('done');
    expect(attempts).toHaveLength(2);
  });

  it.each([400, 401, 403, 404, 405, 409, 412, 413, 415, 422])(
    'does not send again after %s',
    async (status) => {
      const { attempt, attempts } = failing(answered(status));
      await expect(withRetries(3, attempt)).rejects.toMatchObject({ problem: { status } });
      expect(attempts).toHaveLength(1);
    },
  );

  it('gives up after so many retries', async () => {
    const { attempt, attempts } = failing(answered(503), answered(503));
    await expect(withRetries(1, attempt)).rejects.toMatchObject({ problem: { status: 503 } });
    expect(attempts).toHaveLength(2);
  });

  it('does not send again what broke here', async () => {
    const { attempt, attempts } = failing(new TypeError('a mistake'));
    await expect(withRetries(3, attempt)).rejects.toThrow('a mistake');
    expect(attempts).toHaveLength(1);
  });

  it('ends its pause when nobody waits any more', async () => {
    const { attempt, attempts } = failing(
      new MeshError({ code: 'x', detail: 'x', status: 503 }, 30_000),
    );
    const nobody = new AbortController();
    const waiting = withRetries(3, attempt, nobody.signal);
    nobody.abort();
    await expect(waiting).rejects.toThrow();
    expect(attempts).toHaveLength(1);
  });
});

describe('the pause', () => {
  it('grows from half a second to ten, at random below that', () => {
    const longest = Array.from({ length: 8 }, (_, retries) => pauseMs(retries, undefined, () => 1));
    expect(longest).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
    expect(pauseMs(3, undefined, () => 0)).toBe(0);
  });

  it('is at least what the controller asks for, up to half a minute', () => {
    expect(pauseMs(0, 2_000, () => 0)).toBe(2_000);
    expect(pauseMs(0, 3_600_000, () => 0)).toBe(30_000);
  });
});

import { describe, expect, it } from '@jest/globals';
import { parseRetryAfter, retryDelay } from './retry-schedule.js';

const HOUR = 3600;
const DELAYS = [5, 300, 1800, 2, 5, 10, 14, 20, 24].map((delay, index) =>
  index < 3 ? delay : delay * HOUR,
);

describe('retryDelay', () => {
  it.each(DELAYS.map((seconds, index) => [index + 1, seconds]))(
    'after attempt %i is %i s, with up to 10 %% more or less',
    (attempts, seconds) => {
      const delays = Array.from({ length: 200 }, () => retryDelay(attempts) ?? NaN);
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(seconds * 0.9);
      expect(Math.max(...delays)).toBeLessThanOrEqual(seconds * 1.1);
      expect(new Set(delays).size).toBeGreaterThan(1);
    },
  );

  it('is absent after the tenth attempt, whatever the endpoint asks for', () => {
    expect(retryDelay(10)).toBeUndefined();
    expect(retryDelay(10, 60)).toBeUndefined();
  });

  it('is not shorter than the endpoint asks for, and never longer than a day for it', () => {
    expect(retryDelay(1, 120)).toBe(120);
    expect(retryDelay(1, 1)).toBeGreaterThanOrEqual(4.5);
    expect(retryDelay(1, 999_999_999)).toBe(24 * HOUR);
  });
});

describe('parseRetryAfter', () => {
  const now = Date.parse('2026-11-28T10:00:00Z');

  it.each([
    ['seconds', '120', 120],
    ['zero', '0', 0],
    ['a date', 'Sat, 28 Nov 2026 10:02:00 GMT', 120],
    ['a date in the past', 'Sat, 28 Nov 2026 09:00:00 GMT', 0],
    ['an empty text', '', 0],
    ['nonsense', 'soon', 0],
    ['a negative number', '-5', 0],
    ['nothing', undefined, 0],
  ])('reads %s', (_, text, seconds) => {
    expect(parseRetryAfter(text, now)).toBe(seconds);
  });
});

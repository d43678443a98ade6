import { describe, expect, it } from '@jest/globals';
import {
  failTaskArguments,
  failureText,
  isIncomplete,
  MAX_ERROR_LENGTH,
  mayReportFailure,
  reportsFailure,
} from './failure-report.js';

describe('failureText', () => {
  it.each(['No funds', '', 'a\nb\t\u0001', '😀'.repeat(100), 'x'.repeat(MAX_ERROR_LENGTH)])(
    'keeps a text that can be stored (%#)',
    (text) => {
      expect(failureText(text)).toBe(text);
      expect(isIncomplete(text)).toBe(false);
    },
  );

  it.each([
    ['x'.repeat(2_000_000), 'shortened from 2000000 characters'],
    ['😀'.repeat(9_999), 'shortened from 19998 characters'],
    ['a\u0000b', 'characters replaced'],
    ['a\ud800b', 'characters replaced'],
    ['\u0000'.repeat(20_000), 'shortened from 20000 characters; characters replaced'],
  ])('shortens and replaces, with a mark at the end (%#)', (text, note) => {
    const kept = failureText(text) ?? '';
    expect(kept.endsWith(`\n[incomplete: ${note}]`)).toBe(true);
    expect(kept.length).toBeLessThanOrEqual(MAX_ERROR_LENGTH);
    expect(kept.isWellFormed() && !kept.includes('\u0000')).toBe(true);
    expect(isIncomplete(kept)).toBe(true);
    expect(failureText(kept)).toBe(kept);
  });

  it.each([
    [{ why: 'x' }, '{"why":"x"}'],
    [['a', 1], '["a",1]'],
    [7, '7'],
    [false, 'false'],
  ])('writes %j as JSON', (error, text) => {
    expect(failureText(error)).toBe(text);
  });

  it('survives any nesting', () => {
    const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    expect(failureText(deep)).toEqual(expect.any(String));
  });

  it('names what is not stored, in characters that forge nothing', () => {
    expect(failureText('no', ['metadata', ']\nx'])).toBe(
      'no\n[incomplete: not stored: metadata, ??x]',
    );
    expect(failureText(undefined, ['a'])).toBe('[incomplete: not stored: a]');
    expect(failureText(undefined)).toBeUndefined();
  });
});

describe('a report of a failure', () => {
  it('is known by its route and its body', () => {
    expect(mayReportFailure({ method: 'PUT', path: '/sessions/x/events' })).toBe(true);
    expect(mayReportFailure({ method: 'PUT', path: '/sessions/x' })).toBe(true);
    expect(mayReportFailure({ method: 'POST', path: '/sessions/x/release' })).toBe(false);
    expect(
      [{ status: 'failed' }, { state: 'failed' }, { event: 'FAIL' }].every(reportsFailure),
    ).toBe(true);
    expect([{ status: 'completed' }, null, [], 'failed', { event: 1 }].some(reportsFailure)).toBe(
      false,
    );
    const call = { method: 'tools/call', params: { name: 'fail_task', arguments: { error: 'x' } } };
    expect(failTaskArguments(call)).toEqual({ error: 'x' });
    expect(failTaskArguments({ ...call, method: 'ping' })).toBeUndefined();
  });
});

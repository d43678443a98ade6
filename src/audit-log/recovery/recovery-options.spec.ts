import { describe, expect, it } from '@jest/globals';
import { recoveryOptions } from './recovery-options.js';

describe('The options of audit:recover', () => {
  it('accept the loss, with a reason and heads or without', () => {
    expect(recoveryOptions(['--accept-loss'])).toEqual({ told: undefined, heads: undefined });
    expect(recoveryOptions(['--reason', ' a backup ', '--accept-loss', '--heads=h'])).toEqual({
      told: 'a backup',
      heads: 'h',
    });
  });

  it.each([
    [[], 'confirm it with --accept-loss'],
    [['--reason', 'x'], 'confirm it with --accept-loss'],
    [['--accept-loss=yes'], 'does not take an argument'],
    [['--accept-loss', '--reason'], 'argument missing'],
    [['--accept-loss', '--reason', ' '], '--reason has no text'],
    [['--accept-loss', '--reason', 'x'.repeat(501)], 'at most 500 characters'],
    [['--accept-loss', '--reason', 'a\nb'], 'control characters'],
    [['--accept-loss', '--force'], "Unknown option '--force'"],
    [['--accept-loss', 'now'], "Unexpected argument 'now'"],
  ])('refuse %j', (args, message) => {
    expect(() => recoveryOptions(args)).toThrow(message);
  });
});

import { describe, expect, it } from '@jest/globals';
import { exportOptions } from './export-options.js';

describe('The options of audit:export', () => {
  it('name the folder, and a range, a log and keys', () => {
    expect(exportOptions(['--out', 'x'])).toEqual({
      ...{ out: 'x', range: undefined, isDisclosed: false, origin: undefined },
      ...{ keys: [], isJson: false },
    });
    const range = ['--from=7', '--to', '9', '--disclose', '--json'];
    expect(exportOptions(['--out=x', ...range, '--log', 'o', '--key', 'a', '--key', 'b'])).toEqual({
      ...{ out: 'x', range: { from: 7, to: 9 }, isDisclosed: true, origin: 'o' },
      ...{ keys: ['a', 'b'], isJson: true },
    });
  });

  it.each([
    [[], '--out is required'],
    [['--out', ''], '--out is required'],
    [['--out', 'x', '--from', '9', '--to', '8'], '--from must not exceed --to'],
    [['--out', 'x', '--to', '1.5'], '--to must be a whole number'],
    [['--out', 'x', '--all'], "Unknown option '--all'"],
    [['x'], "Unexpected argument 'x'"],
  ])('refuse %j', (args, message) => {
    expect(() => exportOptions(args)).toThrow(message);
  });
});

import { describe, expect, it } from '@jest/globals';
import { archiveOptions } from './archive-options.js';

const configured = { AUDIT_ARCHIVE_DIR: '/archive', AUDIT_RETENTION_DAYS: 400 };
const none = { AUDIT_RETENTION_DAYS: 0 };

describe('The options of audit:archive', () => {
  it('replace the variables', () => {
    expect(archiveOptions([], configured)).toEqual({
      ...{ out: '/archive', days: 400, isDryRun: false, keys: [], isJson: false },
    });
    const args = ['--out', 'x', '--days=90', '--dry-run', '--key', 'a', '--key', 'b', '--json'];
    expect(archiveOptions(args, configured)).toEqual({
      ...{ out: 'x', days: 90, isDryRun: true, keys: ['a', 'b'], isJson: true },
    });
    expect(archiveOptions(['--out', 'x', '--days', '90'], none)).toMatchObject({ days: 90 });
  });

  it.each([
    [[], none, 'set AUDIT_ARCHIVE_DIR, or --out'],
    [['--out', ''], configured, 'set AUDIT_ARCHIVE_DIR, or --out'],
    [['--out', 'x'], none, 'all events are kept: set AUDIT_RETENTION_DAYS, or --days'],
    [['--days', '0'], configured, 'all events are kept: set AUDIT_RETENTION_DAYS, or --days'],
    [['--days', '1.5'], configured, '--days must be a whole number'],
    [['--days', '36501'], configured, '--days must be at most 36500'],
    [['--all'], configured, "Unknown option '--all'"],
  ])('refuse %j', (args, environment, message) => {
    expect(() => archiveOptions(args, environment)).toThrow(message);
  });
});

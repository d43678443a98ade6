import { readNumber, readOptions } from '../../common/command-options.js';
import { UsageError } from '../../common/usage-error.js';
import { type Environment, MAX_RETENTION_DAYS } from '../../config/environment.js';
import type { ArchiveRequest } from './log-archive.js';

export const ARCHIVE_USAGE =
  'npm run audit:archive [-- --out FOLDER --days DAYS --dry-run --key VKEY --json]';

/** Options of one run of the command. */
export interface ArchiveOptions extends Pick<ArchiveRequest, 'out' | 'days' | 'isDryRun'> {
  /** Keys that are trusted besides those of the environment. */
  readonly keys: readonly string[];
  readonly isJson: boolean;
}

/**
 * Reads the arguments of `npm run audit:archive`, and the variables in their place.
 *
 * @throws UsageError if no folder is named, or the retention is off
 */
export function archiveOptions(
  args: readonly string[],
  environment: Pick<Environment, 'AUDIT_ARCHIVE_DIR' | 'AUDIT_RETENTION_DAYS'>,
): ArchiveOptions {
  const options = readOptions(args, {
    out: { type: 'string' },
    days: { type: 'string' },
    'dry-run': { type: 'boolean' },
    key: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  });
  const out = options.out ?? environment.AUDIT_ARCHIVE_DIR;
  if (out === undefined || out === '') throw new UsageError('set AUDIT_ARCHIVE_DIR, or --out');
  const days = readNumber('days', options.days) ?? environment.AUDIT_RETENTION_DAYS;
  if (days > MAX_RETENTION_DAYS) {
    throw new UsageError(`--days must be at most ${MAX_RETENTION_DAYS}`);
  }
  if (days === 0) {
    throw new UsageError('all events are kept: set AUDIT_RETENTION_DAYS, or --days');
  }
  return {
    ...{ out, days, isDryRun: options['dry-run'] === true },
    ...{ keys: options.key ?? [], isJson: options.json === true },
  };
}

import { readOptions, readRange } from '../../common/command-options.js';
import { UsageError } from '../../common/usage-error.js';
import type { ExportRequest } from './log-export.js';

export const EXPORT_USAGE =
  'npm run audit:export -- --out FOLDER [--from ENTRY --to ENTRY --disclose --log ORIGIN --key VKEY --json]';

/** An export that an operator requests. */
export interface ExportOptions extends ExportRequest {
  readonly out: string;
  /** Keys that are trusted besides those of the environment. */
  readonly keys: readonly string[];
  readonly isJson: boolean;
}

/**
 * Reads the arguments of `npm run audit:export`.
 *
 * @throws UsageError
 */
export function exportOptions(args: readonly string[]): ExportOptions {
  const { out, from, to, disclose, log, key, json } = readOptions(args, {
    out: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    disclose: { type: 'boolean' },
    log: { type: 'string' },
    key: { type: 'string', multiple: true },
    json: { type: 'boolean' },
  });
  if (out === undefined || out === '') throw new UsageError('--out is required');
  return {
    out,
    range: readRange(from, to),
    isDisclosed: disclose === true,
    origin: log,
    keys: key ?? [],
    isJson: json === true,
  };
}

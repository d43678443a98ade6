import { readOptions } from '../../common/command-options.js';
import { UsageError } from '../../common/usage-error.js';

export const RECOVER_USAGE =
  'npm run audit:recover -- --accept-loss [--reason TEXT --heads FOLDER]';

const MAX_REASON = 500;

/** A recovery that an operator requests. */
export interface RecoveryOptions {
  /** Why, in the words of the operator. */
  readonly told: string | undefined;
  /** The folder with the heads that were kept outside of the database. */
  readonly heads: string | undefined;
}

/**
 * Reads the arguments of `npm run audit:recover`.
 *
 * @throws UsageError if the operator does not accept the loss
 */
export function recoveryOptions(args: readonly string[]): RecoveryOptions {
  const options = readOptions(args, {
    'accept-loss': { type: 'boolean' },
    reason: { type: 'string' },
    heads: { type: 'string' },
  });
  if (options['accept-loss'] !== true) {
    throw new UsageError(
      'the log will contradict its published heads forever: confirm it with --accept-loss',
    );
  }
  const told = options.reason?.trim();
  if (told === '') throw new UsageError('--reason has no text');
  if (told !== undefined && told.length > MAX_REASON)
    throw new UsageError(`--reason can have at most ${MAX_REASON} characters`);
  if (told !== undefined && /\p{Cc}/u.test(told))
    throw new UsageError('--reason must not contain control characters');
  return { told, heads: options.heads };
}

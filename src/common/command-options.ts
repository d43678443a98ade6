import { parseArgs, type ParseArgsConfig, types } from 'node:util';
import { UsageError } from './usage-error.js';

/**
 * Reads the options of a command.
 *
 * @throws UsageError for an unknown option, or one without its value
 */
export function readOptions<Options extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new UsageError(types.isNativeError(error) ? error.message : 'unknown option');
  }
}

/** Returns the value of an option that is a whole number. Undefined if the option is absent. */
export function readNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new UsageError(`--${option} must be a whole number`);
}

/**
 * Returns the entries that the options `--from` and `--to` name, the last one included. Undefined without both.
 *
 * @throws UsageError
 */
export function readRange(
  from: string | undefined,
  to: string | undefined,
): { from: number; to: number } | undefined {
  if (from === undefined && to === undefined) return undefined;
  const range = { from: readNumber('from', from) ?? 0, to: readNumber('to', to) ?? Infinity };
  if (range.from <= range.to) return range;
  throw new UsageError('--from must not exceed --to');
}

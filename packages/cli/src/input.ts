import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { usageError } from './failure.js';

/** Parses an option with JSON: the text itself, `@file`, or `@-` for standard input. It must be an object. */
export function jsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text.startsWith('@') ? readText(text.slice(1)) : text);
  } catch (error) {
    const reason = error instanceof SyntaxError ? 'It is not JSON.' : messageOf(error);
    throw new InvalidArgumentError(reason);
  }
  if (isObject(value)) return value;
  throw new InvalidArgumentError('It must be a JSON object.');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}

/** Parses values that are separated by commas. */
export function list(text: string): string[] {
  const values = text
    .split(',')
    .map((value) => value.trim())
    .filter((value) => value !== '');
  if (values.length > 0) return values;
  throw new InvalidArgumentError('It must be a list of values, separated by commas.');
}

/** Reads a file; `-` is standard input. */
function readText(file: string): string {
  return readFileSync(file === '-' ? 0 : file, 'utf8');
}

/**
 * Reads a secret from a file or standard input, without white space around it.
 *
 * @throws CliError if it is missing
 */
export function readSecret(file: string): string {
  let text: string;
  try {
    text = readText(file).trim();
  } catch (error) {
    throw usageError(
      `${file === '-' ? 'Standard input' : file} cannot be read: ${messageOf(error)}`,
    );
  }
  if (text !== '') return text;
  throw usageError(`${file === '-' ? 'Standard input' : file} is empty.`);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the members that are given. */
export function given<T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}

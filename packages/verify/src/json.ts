import canonicalize from 'canonicalize';
import { FormatError } from './encoding.js';

/** Any value of JSON. */
export type Json = null | boolean | number | string | Json[] | JsonObject;

/** An object of JSON. */
export interface JsonObject {
  [member: string]: Json;
}

/**
 * Returns the canonical JSON of a value (RFC 8785).
 *
 * @throws FormatError if the value has none: it contains a lone surrogate, or a number that no double holds
 */
export function canonicalJson(value: unknown): string {
  try {
    return canonicalize(value) ?? '';
  } catch (error) {
    throw new FormatError(`no canonical JSON: ${messageOf(error)}`);
  }
}

const parse: (text: string) => Json = JSON.parse;

/** Returns a value as it is shown to a person: text without quotes, and with control characters as escapes. */
export function show(value: Json | undefined): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  return text.replaceAll(
    /\p{Cc}/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Parses JSON.
 *
 * @throws FormatError if the text is not JSON
 */
export function parseJson(text: string): Json {
  try {
    return parse(text);
  } catch {
    throw new FormatError('not JSON');
  }
}

/**
 * Parses canonical JSON of an object.
 *
 * @throws FormatError if the text is anything else
 */
export function parseCanonical(text: string): JsonObject {
  const value = parseJson(text);
  if (!isObject(value)) throw new FormatError('not a JSON object');
  if (canonicalJson(value) !== text) throw new FormatError('not canonical JSON');
  return value;
}

/** Returns whether a value is an object, not null and not an array. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns whether an object has exactly these members. */
export function hasExactly(value: JsonObject, members: readonly string[]): boolean {
  const names = Object.keys(value);
  return names.length === members.length && members.every((name) => Object.hasOwn(value, name));
}

/** Returns the message of an error. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

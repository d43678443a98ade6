import { isRecord } from '../common/is-record.js';

/** Longest error of a failed session, in UTF-16 code units. */
export const MAX_ERROR_LENGTH = 10_000;

const SESSION_WRITES = /^\/sessions\/[^/]+(\/events)?$/;

/** Whether a request can contain a failure report, whose body has weaker limits. */
export function mayReportFailure({ method, path }: { method: string; path: string }): boolean {
  return (method === 'PUT' && SESSION_WRITES.test(path)) || (method === 'POST' && path === '/mcp');
}

/** Whether a body reports a failed session, as a status change or as a lifecycle event. */
export function reportsFailure(body: unknown): body is Record<string, unknown> {
  if (!isRecord(body)) return false;
  const { status, state, event } = body;
  if (status === 'failed' || state === 'failed') return true;
  return typeof event === 'string' && event.toLowerCase() === 'fail';
}

/** Returns the arguments of an MCP call of fail_task; undefined for any other body. */
export function failTaskArguments(body: unknown): Record<string, unknown> | undefined {
  if (!isRecord(body) || body.method !== 'tools/call' || !isRecord(body.params)) return undefined;
  const { name, arguments: given } = body.params;
  return name === 'fail_task' && isRecord(given) ? given : undefined;
}

/** Returns an MCP call of fail_task with a null error; any other body unchanged. */
export function withoutError(body: unknown): unknown {
  const given = failTaskArguments(body);
  if (!given || !isRecord(body) || !isRecord(body.params)) return body;
  return { ...body, params: { ...body.params, arguments: { ...given, error: null } } };
}

/**
 * Returns the text to store for an error of any type and length. A value that is not a string becomes JSON, U+0000 and
 * lone surrogates become U+FFFD, and a long text is shortened. If anything was changed, the text ends with
 * `[incomplete: …]`.
 *
 * @param notStored names of members of the report that are not stored
 */
export function failureText(error: unknown, notStored: readonly string[] = []): string | undefined {
  if (error === undefined && notStored.length === 0) return undefined;
  const text = typeof error === 'string' ? error : toJson(error);
  const clean = text.toWellFormed().replaceAll('\u0000', '\ufffd');
  const notes = [
    ...(clean.length > MAX_ERROR_LENGTH ? [`shortened from ${clean.length} characters`] : []),
    ...(clean === text ? [] : ['characters replaced']),
    ...(notStored.length === 0 ? [] : [`not stored: ${namesOf(notStored)}`]),
  ];
  if (notes.length === 0) return clean;
  const mark = `[incomplete: ${notes.join('; ')}]`;
  if (clean === '') return mark;
  const head = clean.slice(0, MAX_ERROR_LENGTH - mark.length - 1).replace(/[\ud800-\udbff]$/, '');
  return `${head}\n${mark}`;
}

/** Whether a text ends with the note `[incomplete: …]` of {@link failureText}. */
export function isIncomplete(error: string | null): boolean {
  return error !== null && /(^|\n)\[incomplete: [^\]\n]*\]$/.test(error);
}

const MAX_NAMES = 5;

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).map((name) => name.slice(0, 50));
  const printable = shown.map((name) => name.toWellFormed().replace(/[^\p{L}\p{N}_.-]/gu, '?'));
  return [...printable, ...(names.length > MAX_NAMES ? ['…'] : [])].join(', ');
}

function toJson(value: unknown): string {
  if (value === undefined) return '';
  try {
    return JSON.stringify(value);
  } catch {
    return 'The error is nested too deeply';
  }
}

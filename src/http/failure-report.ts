import { hash } from 'node:crypto';
import { isObject } from './aliases.js';

/** How long the error of a failed session may be, in UTF-16 code units. */
export const MAX_ERROR_LENGTH = 10_000;

const SESSION_WRITES = /^\/sessions\/[^/]+(\/events)?\/?$/;

/** Whether a request may carry the report of a failure, whose body is read more tolerantly. */
export function mayReportFailure({ method, path }: { method: string; path: string }): boolean {
  return (method === 'PUT' && SESSION_WRITES.test(path)) || (method === 'POST' && path === '/mcp');
}

/** Whether a body says that a session failed: a change of its status, or a lifecycle event. */
export function reportsFailure(body: unknown): body is Record<string, unknown> {
  if (!isObject(body)) return false;
  const { status, state, event } = body;
  if (status === 'failed' || state === 'failed') return true;
  return typeof event === 'string' && event.toLowerCase() === 'fail';
}

/** The arguments of a call of MCP's fail_task; undefined for any other body. */
export function failTaskArguments(body: unknown): Record<string, unknown> | undefined {
  if (!isObject(body) || body.method !== 'tools/call' || !isObject(body.params)) return undefined;
  const { name, arguments: given } = body.params;
  return name === 'fail_task' && isObject(given) ? given : undefined;
}

/** The same call without its error. */
export function withoutError(body: unknown): unknown {
  const given = failTaskArguments(body);
  if (!given || !isObject(body) || !isObject(body.params)) return body;
  return { ...body, params: { ...body.params, arguments: { ...given, error: null } } };
}

/**
 * The text that is kept of an error of any type, length and characters. A value that is no text is written as JSON,
 * U+0000 and lone surrogates become U+FFFD, the end is cut. If anything was changed, the text ends with a mark.
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

/** Whether a text ends with the mark of {@link failureText}. */
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
    return 'A value that is nested too deep';
  }
}

/**
 * The SHA-256 of any JSON value, also where the canonical JSON of RFC 8785 has no form for it. The order of members
 * makes no difference. Iterative, so that no nesting can overflow it.
 */
export function structuralDigest(value: unknown): Buffer {
  const tokens: string[] = [];
  const open: unknown[] = [value];
  while (open.length > 0) {
    const next = open.pop();
    if (next instanceof Token) tokens.push(next.text);
    else if (Array.isArray(next)) pushArray(open, next);
    else if (isObject(next)) {
      const members = Object.entries(next).sort(([a], [b]) => (a < b ? 1 : -1));
      open.push(new Token('}'));
      for (const [name, member] of members)
        open.push(member, new Token(`${JSON.stringify(name)}:`));
      open.push(new Token('{'));
    } else tokens.push(typeof next === 'number' ? String(next) : JSON.stringify(next));
  }
  return hash('sha256', tokens.join(','), 'buffer');
}

class Token {
  constructor(readonly text: string) {}
}

/** One by one: a large array has more elements than a call may have arguments. */
function pushArray(open: unknown[], array: readonly unknown[]): void {
  open.push(new Token(']'));
  for (let n = array.length - 1; n >= 0; n -= 1) open.push(array[n]);
  open.push(new Token('['));
}

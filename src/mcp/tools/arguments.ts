import { parseJson } from '../../common/parse-json.js';
import { recordOf } from './json-of.js';
import type { Members, Tool } from './tool.js';
import type { ObjectSchema, Schema } from './schemas.js';

/** Largest edit distance at which an unknown argument is taken for a misspelling. */
const MAX_TYPOS = 3;

/** Returns a JSON-RPC message in which `arguments` of a tool call that are null or empty become `{}`. */
export function withArguments<Message>(message: Message): Message {
  const { method, params } = recordOf(message);
  const isEmpty = recordOf(params).arguments === null || recordOf(params).arguments === '';
  if (method !== 'tools/call' || !isEmpty) return message;
  return { ...message, params: { ...recordOf(params), arguments: {} } };
}

/**
 * Normalizes the arguments of a model: null and "" count as absent, and a string that contains JSON becomes the number,
 * boolean, object or array that the schema requires.
 */
export function normalizeArguments({ input, unlisted }: Tool, args: Members): Members {
  const properties = { ...input.properties, ...unlisted };
  return Object.fromEntries(
    Object.entries(args)
      .filter(([, value]) => value !== null && value !== '')
      .map(([name, value]) => [name, coerced(properties[name], value)]),
  );
}

function coerced(schema: Schema | undefined, value: unknown): unknown {
  if (schema === undefined || typeof value !== 'string' || schema.type === 'string') return value;
  const parsed = parseJson(value.trim());
  return parsed !== undefined && isOfType(schema.type, parsed) ? parsed : value;
}

function isOfType(type: unknown, value: unknown): boolean {
  if (type === 'integer') return Number.isSafeInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object')
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}

/** Returns a message for each argument that is not in the schema, with the most similar known argument if there is one. */
export function unknownArguments({ properties }: ObjectSchema, args: Members): string[] {
  const known = Object.keys(properties);
  return Object.keys(args)
    .filter((name) => !Object.hasOwn(properties, name))
    .map((name) => {
      const shown = JSON.stringify(name.slice(0, 50));
      const meant = nearest(
        name,
        known.filter((other) => !(other in args)),
      );
      const hint =
        meant === undefined ? `Known arguments: ${known.join(', ')}` : `Did you mean ${meant}?`;
      return `arguments contains the unknown argument ${shown}. ${hint}`;
    });
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  const [best] = known
    .map((other) => ({ other, typos: distance(plain(name).slice(0, 50), plain(other)) }))
    .filter(({ other, typos }) => typos <= Math.min(MAX_TYPOS, other.length / 2))
    .sort((a, b) => a.typos - b.typos);
  return best?.other;
}

/** Returns the edit distance of two words (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

import { isRecord } from '../auth/is-record.js';
import { oneLine } from '../common/one-line.js';
import type { Delivery } from './deliveries.js';
import type { Mesh, Problem } from './mesh.js';
import type { ObjectSchema } from './schemas.js';

export type Members = Record<string, unknown>;

/** One tool, for both transports. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  /** Tells a model when to use it, and when not. */
  readonly description: string;
  readonly input: ObjectSchema;
  readonly output: ObjectSchema;
  /** A tool that writes takes an `idempotency_key` beside its input, and answers which one was used. */
  readonly kind: 'read' | 'write';
  /** Of a tool that writes: whether what it does cannot be taken back, and whether doing it again changes nothing. */
  readonly destructive?: boolean;
  readonly idempotent?: boolean;
  /** Repairs arguments before they are checked, where a tool takes more than its schema has. */
  prepare?(args: Members): Members;
  /** @param args as the input schema has them */
  run(mesh: Mesh, args: Members, call: CallContext): Promise<ToolAnswer>;
  /** Arguments of v0.4 that are taken but not listed, for models should use the others. */
  readonly unlisted?: ObjectSchema['properties'];
  /**
   * The arguments that v0.4 knows, as those of this tool.
   *
   * @throws MeshProblem when they contradict each other
   */
  fromLegacy?(args: Members): Members;
  /** Where the argument went that a route calls by another name, as a pointer into its body or its query. */
  readonly sentAs?: Readonly<Record<string, string>>;
  /** How a problem is called in this tool, where that is not by its title. */
  headline?(problem: Problem): string | undefined;
}

/** The call that a tool answers. */
export interface CallContext {
  delivery: Delivery;
  /** Whether the caller chose the key, and so can call again with it. */
  isKeyed: boolean;
}

export interface ToolAnswer {
  /** What happened, in a sentence or a few: one line, or several. Each is escaped, so that no value forges another. */
  text: string | readonly string[];
  /** The same for programs, as the output schema has it. */
  content: Members;
}

/** The members of an answer under these names; what is missing is null. */
export function pick(from: unknown, ...names: string[]): Members {
  const members = recordOf(from);
  return Object.fromEntries(names.map((name) => [name, members[name] ?? null]));
}

/** The arguments under these names that were given. */
export function given(args: Members, ...names: string[]): Members {
  return Object.fromEntries(
    names.flatMap((name) => (args[name] === undefined ? [] : [[name, args[name]]])),
  );
}

/** The same as the parameters of a query. */
export function asQuery(args: Members): Record<string, string> {
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, String(value)]));
}

/** How many things a page has, in words that do not hide that there are more. */
export function countOf(things: readonly unknown[], { next_cursor }: Members): string {
  return typeof next_cursor === 'string' ? `more than ${things.length}` : String(things.length);
}

export function recordOf(value: unknown): Members {
  return isRecord(value) ? value : {};
}

export function recordsOf(value: unknown): Members[] {
  return Array.isArray(value) ? value.map(recordOf) : [];
}

/** An id with the prefix that tells what it is of; null: there is none. */
export function prefixed(kind: 'task' | 'session' | 'approval', id: unknown): string | null {
  return typeof id === 'string' ? `${kind}-${id}` : null;
}

/** A member as text; empty when there is none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Lines for a model, each of them escaped. */
export function linesOf(lines: string | readonly string[]): string {
  return [lines].flat().map(oneLine).join('\n');
}

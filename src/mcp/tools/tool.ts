import { oneLine } from '../../common/one-line.js';
import type { Delivery } from './deliveries.js';
import type { Mesh, MeshProblem } from './mesh-client.js';
import type { ObjectSchema } from './schemas.js';

export type Members = Record<string, unknown>;

/** A tool, as both transports serve it. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  /** For a model: when to use the tool, and which tool to use instead otherwise. */
  readonly description: string;
  readonly input: ObjectSchema;
  readonly output: ObjectSchema;
  /** A tool of kind `write` also accepts an `idempotency_key`, and returns the one that was used. */
  readonly kind: 'read' | 'write';
  /** MCP annotations of a write: `destructive` if it cannot be undone, `idempotent` if a repetition changes nothing. */
  readonly destructive?: boolean;
  readonly idempotent?: boolean;
  /** Corrects arguments before validation, for a tool that accepts more than its schema. */
  prepare?(args: Members): Members;
  /** @param args valid arguments, without the idempotency key */
  run(mesh: Mesh, args: Members, call: CallContext): Promise<ToolResponse>;
  /** Deprecated arguments (v0.4): accepted, but not listed, so that models use the current ones. */
  readonly unlisted?: ObjectSchema['properties'];
  /**
   * Converts deprecated arguments (v0.4) to current ones.
   *
   * @throws MeshProblem `request.invalid` if they contradict each other
   */
  fromLegacy?(args: Members): Members;
  /** Arguments that have another name in the route: JSON Pointer into the body or query of the route → argument. */
  readonly sentAs?: Readonly<Record<string, string | undefined>>;
  /** Descriptions of the members that each write has, where the common ones do not apply. */
  readonly keyDescriptions?: { readonly idempotency_key?: string; readonly replayed?: string };
  /** The first words of an error, if not the title of its code. */
  headline?(problem: MeshProblem): string | undefined;
}

/** The call that a tool is executing. */
export interface CallContext {
  delivery: Delivery;
  /** Whether the caller chose the idempotency key and can therefore repeat the call. */
  isKeyed: boolean;
}

export interface ToolResponse {
  /** The result in plain text: one line or several. Each line is escaped, so that no value can forge a line. */
  text: string | readonly string[];
  /** The same result as an object that matches the output schema. */
  content: Members;
}

/** Returns the number of items on a page as text, `more than <n>` if another page follows. */
export function countOf(
  things: readonly unknown[],
  { next_cursor }: { readonly next_cursor?: unknown },
): string {
  return typeof next_cursor === 'string' ? `more than ${things.length}` : String(things.length);
}

/** Returns an id with the prefix of its kind; null without an id. */
export function prefixedOrNull(kind: 'task' | 'session' | 'approval', id: unknown): string | null {
  return typeof id === 'string' ? `${kind}-${id}` : null;
}

/** Returns a string or number as text, anything else as the empty string. */
export function memberText(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

/** Joins lines of text for a model. Each line is escaped. */
export function escapedLines(lines: string | readonly string[]): string {
  return [lines].flat().map(oneLine).join('\n');
}

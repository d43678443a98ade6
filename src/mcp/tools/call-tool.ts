import { randomUUID } from 'node:crypto';
import {
  type CallToolResult,
  fromJsonSchema,
  type Tool as ListedTool,
} from '@modelcontextprotocol/server';
import { type ErrorCode, ERRORS, titleOf } from '../../errors/error-codes.js';
import { TOOLS } from './all-tools.js';
import { toErrorText } from './error-hints.js';
import { withArgumentNames, invalidArguments } from './argument-problems.js';
import { normalizeArguments, unknownArguments } from './arguments.js';
import { Delivery } from './deliveries.js';
import {
  type Mesh,
  type MeshClient,
  MeshError,
  type MeshProblem,
  type RequestOf,
  type ResponseOf,
} from './mesh-client.js';
import type { OperationName } from './operations.js';
import { boolean, type ObjectSchema, text } from './schemas.js';
import { oneLine } from '../../common/one-line.js';
import {
  escapedLines,
  type CallContext,
  type Members,
  type Tool,
  type ToolResponse,
} from './tool.js';

const IDEMPOTENCY_KEY =
  'Makes a retry safe: calls with the same key and arguments are executed once. Default: a new key. After a call without a response, call again with the key that you sent; after an error, with the key that the error contains.';
const KEY_PATTERN = '^[!-+.-~-]{1,255}$';
const KEY_USED = text('The idempotency key of this call. Pass it to repeat the call safely.');
const REPLAYED =
  'Whether this is the stored response of an earlier call with the key, and nothing was executed now.';

/** A tool as clients see it. One that writes has `idempotency_key` in its input and output. */
interface ServedTool extends Tool {
  check(args: Members): Promise<string | undefined>;
}

const SERVED_TOOLS: ReadonlyMap<string, ServedTool> = new Map(
  TOOLS.map((tool) => {
    const served = tool.kind === 'write' ? withKey(tool) : tool;
    const accepted = withProperties(served.input, tool.unlisted ?? {});
    const schema = fromJsonSchema({ ...accepted });
    const check = async (args: Members): Promise<string | undefined> => {
      const { issues = [] } = await schema['~standard'].validate(args);
      // The validator names the validated value `data`, which is also the name of an argument.
      const wrong = issues.map(({ message }) =>
        message.replaceAll(/(^|, )data(?=[/ ])/g, '$1arguments'),
      );
      const problems = [...unknownArguments(accepted, args), ...wrong];
      return problems.length > 0 ? problems.join('; ') : undefined;
    };
    return [tool.name, { ...served, check }];
  }),
);

function withKey(tool: Tool): Tool {
  const { input, output, keyDescriptions = {} } = tool;
  const { idempotency_key = IDEMPOTENCY_KEY, replayed = REPLAYED } = keyDescriptions;
  const results = { idempotency_key: KEY_USED, replayed: boolean(replayed) };
  return {
    ...tool,
    input: withProperties(input, {
      idempotency_key: text(idempotency_key, { pattern: KEY_PATTERN }),
    }),
    output: withProperties(output, results, true),
  };
}

function withProperties(
  schema: ObjectSchema,
  more: ObjectSchema['properties'],
  required = false,
): ObjectSchema {
  return {
    ...schema,
    properties: { ...schema.properties, ...more },
    required: [...schema.required, ...(required ? Object.keys(more) : [])],
  };
}

/** The tools as `tools/list` returns them. */
export const LISTED: readonly ListedTool[] = [...SERVED_TOOLS.values()].map(
  ({ name, title, description, input, output, kind, destructive = false, idempotent = false }) => ({
    name,
    title,
    description,
    inputSchema: jsonSchema(input),
    outputSchema: jsonSchema(output),
    annotations: {
      title,
      readOnlyHint: kind === 'read',
      destructiveHint: destructive,
      idempotentHint: kind === 'read' || idempotent,
      openWorldHint: false,
    },
  }),
);

function jsonSchema({ properties, required, ...schema }: ObjectSchema) {
  return { ...schema, properties: { ...properties }, required: [...required] };
}

export interface ToolOutcome {
  result: CallToolResult;
  /** `ok`, or the code of the error. */
  outcome: string;
}

export function isTool(name: string): boolean {
  return SERVED_TOOLS.has(name);
}

/** Calls a tool with unchecked arguments. An error of the tool is a result with `isError`, not an exception. */
export async function callTool(
  mesh: MeshClient,
  name: string,
  args: Members,
  delivery = new Delivery(),
): Promise<ToolOutcome> {
  const tool = SERVED_TOOLS.get(name);
  if (!tool) throw new Error('the tool does not exist');
  const given = normalizeArguments(tool, args);
  const call = new ToolCall(mesh, tool, tool.prepare?.(given) ?? given, delivery);
  return call.run();
}

function withoutKey(args: Members): Members {
  return Object.fromEntries(Object.entries(args).filter(([name]) => name !== 'idempotency_key'));
}

/** Operations that are not aborted with the call: the call needs their outcome to release the claim. */
const MUST_BE_KNOWN = new Set<OperationName>(['claim_task', 'claim_next_task', 'release_session']);

/** One call of a tool. It is a `Mesh` that adds the idempotency key to each write. */
class ToolCall implements Mesh, CallContext {
  private readonly key: string;
  readonly isKeyed: boolean;
  private replayed = false;

  constructor(
    private readonly mesh: MeshClient,
    private readonly tool: ServedTool,
    private readonly args: Members,
    readonly delivery: Delivery,
  ) {
    const { idempotency_key: key } = args;
    this.isKeyed = typeof key === 'string';
    this.key = typeof key === 'string' ? key : randomUUID();
  }

  async run(): Promise<ToolOutcome> {
    try {
      const args = this.tool.fromLegacy?.(this.args) ?? this.args;
      const wrong = await this.tool.check(args);
      if (wrong !== undefined) throw invalidArguments(wrong);
      const { text, content } = await this.tool.run(this, withoutKey(args), this);
      return { result: toResult(text, { ...content, ...this.keyMembers }), outcome: 'ok' };
    } catch (error) {
      if (!(error instanceof MeshError)) throw error;
      return {
        result: this.toErrorResult(withArgumentNames(this.tool, this.args, error.problem)),
        outcome: error.problem.code,
      };
    }
  }

  async call<Name extends OperationName>(
    operation: Name,
    request: RequestOf<Name> = {},
  ): Promise<ResponseOf<Name>> {
    const made = await this.mesh.call(operation, {
      ...request,
      ...(this.tool.kind === 'write' && { key: this.key }),
      ...(!MUST_BE_KNOWN.has(operation) && { signal: this.delivery.signal }),
    });
    this.replayed ||= made.replayed;
    return made;
  }

  private get keyMembers(): Members {
    return this.tool.kind === 'write' ? { idempotency_key: this.key, replayed: this.replayed } : {};
  }

  private toErrorResult(problem: MeshProblem): CallToolResult {
    const headline = this.tool.headline?.(problem) ?? titleFor(problem);
    const key = this.tool.kind === 'write' ? `\nidempotency_key: ${this.key}` : '';
    return {
      isError: true,
      content: [{ type: 'text', text: `${toErrorText(problem, headline)}${key}` }],
      _meta: { 'agent-mesh/problem': { ...problem } },
    };
  }
}

function toResult(lines: ToolResponse['text'], content: Members): CallToolResult {
  return {
    content: [
      { type: 'text', text: escapedLines(lines) },
      // For clients that do not read structuredContent.
      { type: 'text', text: oneLine(JSON.stringify(content)) },
    ],
    structuredContent: content,
  };
}

function titleFor({ code }: MeshProblem): string {
  return isErrorCode(code) ? titleOf(code) : 'No response from the controller';
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

import { fileURLToPath } from 'node:url';
import {
  type CallToolResult,
  Client as McpClient,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const REGISTER = new URL('register-typescript.js', import.meta.url).href;
const COMMAND = fileURLToPath(new URL('../../src/agent-mesh/stdio-command.ts', import.meta.url));

export const TRANSPORTS = ['stdio', 'http'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** How the stdio server is started from its sources. */
export const STDIO_SERVER = { command: process.execPath, args: ['--import', REGISTER, COMMAND] };

/** What a tool answered. */
export interface ToolReply<Content = Record<string, unknown>> {
  isError: boolean;
  /** The text for a person. */
  text: string;
  content: Content;
  code?: string;
}

/** An agent that speaks MCP: the SDK's own client, over one of the transports. */
export class McpAgent {
  private constructor(
    readonly client: McpClient,
    /** What the stdio server wrote to its standard error. */
    readonly complaints: string[],
  ) {}

  static async connect(
    transport: TransportName,
    url: string,
    token: string,
    env: Record<string, string> = {},
  ): Promise<McpAgent> {
    const client = new McpClient({ name: 'test', version: '1' });
    const complaints: string[] = [];
    if (transport === 'http') {
      await client.connect(
        new StreamableHTTPClientTransport(new URL(`${url}/mcp`), {
          requestInit: { headers: { authorization: `Bearer ${token}` } },
        }),
      );
      return new McpAgent(client, complaints);
    }
    const stdio = new StdioClientTransport({
      ...STDIO_SERVER,
      env: {
        PATH: process.env.PATH ?? '',
        CONTROLLER_URL: url,
        ...(env.MESH_JWT_TOKEN_FILE === undefined && { MESH_JWT_TOKEN: token }),
        ...env,
      },
      stderr: 'pipe',
    });
    stdio.stderr?.on('data', (chunk: Buffer) => complaints.push(chunk.toString()));
    await client.connect(stdio);
    return new McpAgent(client, complaints);
  }

  async call<Content = Record<string, unknown>>(
    name: string,
    args: Record<string, unknown> = {},
  ): Promise<ToolReply<Content>> {
    return toReply<Content>(await this.client.callTool({ name, arguments: args }));
  }

  /** The same, where a refusal is not expected. */
  async does<Content = Record<string, unknown>>(
    name: string,
    args: Record<string, unknown> = {},
  ): Promise<Content> {
    const reply = await this.call<Content>(name, args);
    if (reply.isError) throw new Error(`${name} was refused: ${reply.text}`);
    return reply.content;
  }

  close(): Promise<void> {
    return this.client.close();
  }
}

function toReply<Content>({
  isError = false,
  content,
  structuredContent,
  _meta,
}: CallToolResult): ToolReply<Content> {
  const [first] = content;
  const problem = _meta?.['agent-mesh/problem'] as { code: string } | undefined;
  return {
    isError,
    text: first?.type === 'text' ? first.text : '',
    content: (structuredContent ?? {}) as Content,
    ...(problem && { code: problem.code }),
  };
}

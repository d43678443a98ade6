import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type CallToolResult,
  Client as McpClient,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { programFile } from './program-file.js';
import { endWithRun } from './end-with-run.js';

export const TRANSPORTS = ['stdio', 'http'] as const;
export type TransportName = (typeof TRANSPORTS)[number];

/** How the stdio server is started. */
export const stdioServer = (): { command: string; args: string[] } => ({
  command: process.execPath,
  args: [programFile('packages/mcp/dist/agent-mesh-mcp.js')],
});

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
  constructor(
    readonly client: McpClient,
    /** Gives it back to whom it was lent by. */
    readonly close: () => Promise<void>,
  ) {}

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
}

/**
 * Agents over one transport. Stdio servers take long to start, so each is lent out again and again, with the next
 * agent's token in its file.
 */
export class McpAgents {
  private readonly idle: { client: McpClient; file: string }[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'mcp-agents-'));
  private started = 0;

  constructor(
    private readonly transport: TransportName,
    private readonly url: string,
  ) {}

  agent(token: string): Promise<McpAgent> {
    return this.transport === 'http' ? this.overHttp(token) : this.overStdio(token);
  }

  async close(): Promise<void> {
    await Promise.all(this.idle.map(({ client }) => client.close()));
    rmSync(this.folder, { recursive: true });
  }

  private async overHttp(token: string): Promise<McpAgent> {
    const client = newClient();
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${this.url}/mcp`), { requestInit }),
    );
    return new McpAgent(client, () => client.close());
  }

  private async overStdio(token: string): Promise<McpAgent> {
    const lent = this.idle.pop() ?? (await this.start(token));
    writeFileSync(lent.file, token);
    return new McpAgent(lent.client, () => {
      this.idle.push(lent);
      return Promise.resolve();
    });
  }

  private async start(token: string) {
    const client = newClient();
    const file = join(this.folder, `token-${++this.started}`);
    writeFileSync(file, token);
    const env = { ...environment(this.url), MESH_JWT_TOKEN_FILE: file };
    await client.connect(new StdioClientTransport({ ...stdioServer(), env }));
    return { client, file };
  }
}

function newClient(): McpClient {
  return new McpClient({ name: 'test', version: '1' });
}

function environment(url: string): Record<string, string> {
  return { PATH: process.env.PATH ?? '', CONTROLLER_URL: url };
}

/** A stdio server whose pipes a test holds itself, to see each line that comes. */
export class RawStdioServer {
  /** All that it wrote to its standard output and to its standard error. */
  output = '';
  complaints = '';
  private readonly child: ChildProcessWithoutNullStreams;
  private lastId = 0;

  constructor(url: string, env: Record<string, string>) {
    const { command, args } = stdioServer();
    this.child = spawn(command, args, { env: { ...environment(url), ...env } });
    endWithRun(this.child);
    this.child.stdout.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.child.stderr.on('data', (chunk: Buffer) => (this.complaints += chunk.toString()));
    this.child.stdin.on('error', () => undefined);
  }

  async initialize(): Promise<void> {
    const clientInfo = { name: 'test', version: '1' };
    await this.ask('initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo });
    this.write(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
  }

  /** The text for a person that a tool answered. */
  async call(name: string, args: Record<string, unknown>): Promise<ToolReply> {
    const { result } = await this.ask('tools/call', { name, arguments: args });
    return toReply(result as CallToolResult);
  }

  /** What is answered to a request. */
  async ask(method: string, params: object): Promise<Record<string, unknown>> {
    const id = ++this.lastId;
    this.write(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    for (;;) {
      const answer = this.messages.find((message) => message.id === id);
      if (answer) return answer;
      await Promise.race([
        once(this.child.stdout, 'data'),
        once(this.child, 'close').then(() => {
          throw new Error(`it ended: ${this.complaints}`);
        }),
      ]);
    }
  }

  write(line: string): void {
    this.child.stdin.write(`${line}\n`);
  }

  /** Its standard output, which must hold nothing but messages of JSON-RPC, one on each line. */
  get messages(): Record<string, unknown>[] {
    const lines = this.output.split('\n');
    const unfinished = lines.pop();
    if (unfinished && this.child.exitCode !== null) throw new Error(`cut off: ${unfinished}`);
    return lines.map((line) => {
      const message = JSON.parse(line) as Record<string, unknown>;
      if (message.jsonrpc !== '2.0') throw new Error(`not JSON-RPC: ${line}`);
      return message;
    });
  }

  /** Closes its standard input; gives its exit code. */
  async end(): Promise<number | null> {
    const closed =
      this.child.exitCode === null ? once(this.child, 'close') : Promise.resolve(undefined);
    this.child.stdin.end();
    await closed;
    return this.child.exitCode;
  }
}

/** Starts a stdio server in a terminal, and ends it when it has named its connection. Returns all that it wrote. */
export async function inTerminal(variables: Record<string, string>): Promise<string> {
  const { command, args } = stdioServer();
  const program = [command, ...args];
  const inScript =
    process.platform === 'darwin'
      ? ['-q', '/dev/null', ...program]
      : ['-qec', program.join(' '), '/dev/null'];
  const child = spawn('script', inScript, { env: { PATH: process.env.PATH, ...variables } });
  endWithRun(child);
  let text = '';
  const closed = once(child, 'close');
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    // Ctrl-C, as a terminal sends it.
    if (chunk.includes('Ctrl-C')) child.stdin.write('\u0003');
  });
  await closed;
  return text;
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

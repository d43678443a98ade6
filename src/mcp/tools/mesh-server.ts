import {
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type RequestId,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { oneLine } from '../../common/one-line.js';
import { VERSION } from '../../version.js';
import { toErrorText } from './error-hints.js';
import { callTool, isTool, LISTED } from './call-tool.js';
import type { Delivery } from './deliveries.js';
import { type MeshClient, MeshError } from './mesh-client.js';
import { memberText } from './tool.js';
import { WORK_THROUGH_INBOX } from './inbox-prompt.js';

const INSTRUCTIONS =
  'The agent mesh routes work between the agents of an organization’s roles. To give work to another role call send_task, then fetch_status with wait_seconds. To work call claim_task, heartbeat and complete_task. To get a decision call request_approval; to decide call list_approvals and decide_approval; to act on an approval call consume_approval first. A tool that writes returns its idempotency_key: to repeat a call safely, pass the same key and arguments.';

/** The lists never change, so clients cannot subscribe to changes. */
const CAPABILITIES = {
  tools: { listChanged: false },
  resources: { listChanged: false, subscribe: false },
  prompts: { listChanged: false },
};

/** Called after each tool call. */
export type OnCall = (call: { tool: string; outcome: string; seconds: number }) => void;

/** The calls of a transport. */
export interface ToolCallRunner {
  /** Runs a call with its delivery. */
  run<T>(
    request: { id: RequestId; signal: AbortSignal },
    call: (delivery: Delivery) => Promise<T>,
  ): Promise<T>;
  note?: OnCall;
}

/** Creates the MCP server with its tools, resource and prompt, which are the same on every transport. */
export function meshServer(mesh: MeshClient, calls: ToolCallRunner): McpServer {
  const server = new McpServer(
    { name: 'agent-mesh', title: 'Agent Mesh', version: VERSION },
    { capabilities: CAPABILITIES, instructions: INSTRUCTIONS },
  );
  serveTools(server, mesh, calls);
  serveTasks(server, mesh);
  server.registerPrompt('work_through_inbox', WORK_THROUGH_INBOX, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: WORK_THROUGH_INBOX.text } }],
  }));
  return server;
}

function serveTools({ server }: McpServer, mesh: MeshClient, calls: ToolCallRunner): void {
  server.setRequestHandler('tools/list', () => ({ tools: [...LISTED] }));
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
    const { name, arguments: args = {} } = params;
    if (!isTool(name)) {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'The tool does not exist');
    }
    const started = performance.now();
    return calls.run(mcpReq, async (delivery) => {
      const { result, outcome } = await callTool(mesh, name, args, delivery);
      calls.note?.({
        tool: name,
        outcome: delivery.signal.aborted ? 'cancelled' : outcome,
        seconds: (performance.now() - started) / 1000,
      });
      return result;
    });
  });
}

function serveTasks(server: McpServer, mesh: MeshClient): void {
  server.registerResource(
    'task',
    new ResourceTemplate('mesh://tasks/{id}', { list: undefined }),
    {
      title: 'A task',
      description: 'A task with its attempts and approvals, as JSON. send_task returns its id.',
      mimeType: 'application/json',
    },
    async ({ href: uri }, { id }) => {
      try {
        const { body } = await mesh.call('get_task', { id: memberText(id) });
        return {
          contents: [{ uri, mimeType: 'application/json', text: oneLine(JSON.stringify(body)) }],
        };
      } catch (error) {
        if (!(error instanceof MeshError)) throw error;
        const { problem } = error;
        if (problem.status === 404) throw new ResourceNotFoundError(uri);
        const message = toErrorText(problem, 'The task cannot be read');
        throw new ProtocolError(ProtocolErrorCode.InternalError, message);
      }
    },
  );
}

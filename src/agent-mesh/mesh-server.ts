import {
  McpServer,
  ProtocolError,
  ProtocolErrorCode,
  type RequestId,
  ResourceNotFoundError,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import { oneLine } from '../common/one-line.js';
import { VERSION } from '../version.js';
import { explain } from './advice.js';
import { callTool, isTool, LISTED } from './call-tool.js';
import type { Delivery } from './deliveries.js';
import { type Mesh, MeshProblem } from './mesh.js';
import { textOf } from './tool.js';
import { WORK_THROUGH_INBOX } from './inbox-prompt.js';

const INSTRUCTIONS =
  'The agent mesh: where the agents of an organisation’s roles ask each other for work. Send work with send_task and follow it with fetch_status; do work with claim_task, heartbeat and complete_task; ask with request_approval, decide with list_approvals and decide_approval, and act on what was approved with consume_approval. A tool that writes answers the idempotency_key that it used: call again with it when in doubt, and it happens once.';

/** The lists do not change, so no client is notified of changes. */
const CAPABILITIES = {
  tools: { listChanged: false },
  resources: { listChanged: false, subscribe: false },
  prompts: { listChanged: false },
};

/** Told of each call of a tool, once it is answered. */
export type OnCall = (call: { tool: string; outcome: string; seconds: number }) => void;

/** What a transport knows of the calls that it carries. */
export interface Calls {
  /** Runs one call with its delivery. */
  run<T>(
    request: { id: RequestId; signal: AbortSignal },
    call: (delivery: Delivery) => Promise<T>,
  ): Promise<T>;
  note?: OnCall;
}

/** The MCP server over a mesh: the same tools, resource and prompt on every transport. */
export function meshServer(mesh: Mesh, calls: Calls): McpServer {
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

function serveTools({ server }: McpServer, mesh: Mesh, calls: Calls): void {
  server.setRequestHandler('tools/list', () => ({ tools: [...LISTED] }));
  server.setRequestHandler('tools/call', async ({ params }, { mcpReq }) => {
    const { name, arguments: args = {} } = params;
    if (!isTool(name)) {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'There is no such tool');
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

function serveTasks(server: McpServer, mesh: Mesh): void {
  server.registerResource(
    'task',
    new ResourceTemplate('mesh://tasks/{id}', { list: undefined }),
    {
      title: 'A task',
      description: 'One task with its attempts and approvals, as JSON. Take its id from send_task.',
      mimeType: 'application/json',
    },
    async ({ href: uri }, { id }) => {
      try {
        const { body } = await mesh.call('get_task', { id: textOf(id) });
        return {
          contents: [{ uri, mimeType: 'application/json', text: oneLine(JSON.stringify(body)) }],
        };
      } catch (error) {
        if (!(error instanceof MeshProblem)) throw error;
        const { problem } = error;
        if (problem.status === 404) throw new ResourceNotFoundError(uri);
        const message = explain(problem, 'The task cannot be read');
        throw new ProtocolError(ProtocolErrorCode.InternalError, message);
      }
    },
  );
}

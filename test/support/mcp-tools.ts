import { afterEach, beforeEach } from '@jest/globals';
import { newSubject, type TestApp, tokenFor } from './app.js';
import { Client } from './client.js';
import { closeAfterFolder, useSharedApp } from './kit.js';
import { type McpAgent, McpAgents, type ToolReply, type TransportName } from './mcp.js';

export interface SentTask {
  task_id: string;
  trace_id: string;
  idempotency_key: string;
  replayed: boolean;
}

export interface ClaimedTask {
  claimed: boolean;
  session_id: string;
  lease_expires_at: string;
  status: string;
  task: Record<string, unknown>;
  replayed: boolean;
}

/** The agents of each transport: starting a stdio server is slow, so all specs of a folder share them. */
const pools = new Map<TransportName, McpAgents>();

/** A requester and a worker that call tools, with roles that no other test uses. */
export class ToolAgents {
  finance = '';
  manager = '';
  requester!: McpAgent;
  worker!: McpAgent;
  /** The same subjects over HTTP. */
  requesterHttp!: Client;
  workerHttp!: Client;

  constructor(
    readonly mesh: TestApp,
    private readonly transport: TransportName,
  ) {}

  async begin(): Promise<void> {
    this.finance = newSubject('finance');
    this.manager = newSubject('manager');
    const tokens = [
      tokenFor(this.finance, this.finance),
      tokenFor(this.manager, this.manager),
    ] as const;
    this.requesterHttp = new Client(this.mesh.url, tokens[0]);
    this.workerHttp = new Client(this.mesh.url, tokens[1]);
    [this.requester, this.worker] = await Promise.all([
      this.agent(tokens[0]),
      this.agent(tokens[1]),
    ]);
  }

  async end(): Promise<void> {
    await Promise.all([this.requester.close(), this.worker.close()]);
  }

  agent(token: string): Promise<McpAgent> {
    let pool = pools.get(this.transport);
    if (!pool) {
      pool = new McpAgents(this.transport, this.mesh.url);
      pools.set(this.transport, pool);
      closeAfterFolder(() => pool?.close() ?? Promise.resolve());
    }
    return pool.agent(token);
  }

  /** Sends a task to the worker's role. */
  send(members: Record<string, unknown> = {}): Promise<SentTask> {
    const task = { target: this.manager, task_type: 'budget_approval', ...members };
    return this.requester.does<SentTask>('send_task', task);
  }

  /** Claims a task without waiting. */
  claim(members: Record<string, unknown> = {}): Promise<ClaimedTask> {
    return this.worker.does<ClaimedTask>('claim_task', { wait_seconds: 0, ...members });
  }

  async statusOf(id: string): Promise<string> {
    return (await this.requester.does<{ status: string }>('fetch_status', { id })).status;
  }
}

/** A new requester and a new worker for each test of a `describe`. */
export function useToolAgents(transport: TransportName): ToolAgents {
  const agents = new ToolAgents(useSharedApp(), transport);
  beforeEach(() => agents.begin());
  afterEach(() => agents.end());
  return agents;
}

export async function codeOf(reply: Promise<ToolReply>): Promise<string | undefined> {
  return (await reply).code;
}

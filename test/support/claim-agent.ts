import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client as McpClient,
  type FetchLike,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, beforeAll } from '@jest/globals';
import { newSubject, startTestApp, type TestApp, tokenFor } from './app.js';
import { Client } from './client.js';
import { eventually } from './eventually.js';
import { stdioServer } from './mcp.js';

export interface ClaimResult {
  claimed: boolean;
  session_id: string | null;
  status: string | null;
  replayed: boolean;
  idempotency_key: string;
}

const HEADERS = {
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
};

/** The most claims of a test whose client closes the connection while the response is sent: it may have read it. */
export const MAX_UNKNOWN = 2;

/** Two applications on one database. */
export class TwoApps {
  one!: TestApp;
  other!: TestApp;
}

export function useTwoApps(): TwoApps {
  const apps = new TwoApps();
  beforeAll(async () => {
    apps.one = await startTestApp();
    apps.other = await startTestApp({ databaseUrl: apps.one.databaseUrl });
  });
  afterAll(async () => {
    await apps.other.close();
    await apps.one.close();
  });
  return apps;
}

/** An agent that claims tasks of a role of its own, and a requester that routes them. */
export class ClaimAgent {
  readonly role = newSubject('manager');
  readonly requester: Client;
  readonly worker: Client;
  private readonly token = tokenFor(this.role, this.role);
  private readonly clients: McpClient[] = [];

  constructor(private readonly apps: TwoApps) {
    this.requester = apps.one.agent('finance');
    this.worker = new Client(apps.one.url, this.token);
  }

  /** Routes a task to the role; returns its id. */
  async send(): Promise<string> {
    const { body } = await this.requester.post<{ task_id: string }>('/tasks/route', {
      target: this.role,
      task: { task_type: 'budget_approval' },
    });
    return body.task_id;
  }

  async statusOf(taskId: string): Promise<string> {
    return (await this.worker.get<{ status: string }>(`/tasks/${taskId}`)).body.status;
  }

  /** The status of a task after a possible release of its claim. */
  async finalStatusOf(taskId: string): Promise<string> {
    await sleep(300);
    return eventually(
      () => this.statusOf(taskId),
      (status) => status === 'pending',
      1_000,
    );
  }

  async connect(transport: Transport, mode: 'legacy' | 'auto' = 'legacy'): Promise<McpClient> {
    const client = new McpClient({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(transport);
    this.clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.clients.splice(0).map((client) => client.close()));
  }

  overHttp(fetchLike?: FetchLike): Transport {
    return new StreamableHTTPClientTransport(new URL(`${this.apps.one.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${this.token}` } },
      ...(fetchLike && { fetch: fetchLike }),
    });
  }

  /** Sends its requests to the two applications in turn, as a load balancer does. */
  overBalancedHttp(): Transport {
    let sent = 0;
    return this.overHttp((url, init) => {
      const { pathname } = new URL(url);
      const app = sent++ % 2 === 0 ? this.apps.one : this.apps.other;
      return fetch(`${app.url}${pathname}`, init);
    });
  }

  overStdio(): Transport {
    const env = {
      PATH: process.env.PATH ?? '',
      CONTROLLER_URL: this.apps.one.url,
      MESH_JWT_TOKEN: this.token,
    };
    return new StdioClientTransport({ ...stdioServer(), env });
  }

  /** Calls claim_task, which waits up to 25 seconds. */
  async claim(
    client: McpClient,
    args: Record<string, unknown> = {},
    options: { timeout?: number; signal?: AbortSignal } = {},
  ): Promise<ClaimResult> {
    const { structuredContent } = await client.callTool(
      { name: 'claim_task', arguments: { wait_seconds: 25, ...args } },
      options,
    );
    return structuredContent as ClaimResult;
  }

  /** Sends a JSON-RPC message without an MCP client. */
  post(body: object, options: RequestInit = {}, app = this.apps.one): Promise<Response> {
    return fetch(`${app.url}/mcp`, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
      ...options,
      headers: { ...HEADERS, authorization: `Bearer ${this.token}`, ...options.headers },
    });
  }

  /** Calls claim_task without an MCP client. */
  async claimRaw(
    id: number | string,
    options: RequestInit = {},
    app?: TestApp,
  ): Promise<ClaimResult> {
    const params = { name: 'claim_task', arguments: { wait_seconds: 25 } };
    const response = await this.post({ id, method: 'tools/call', params }, options, app);
    const text = await response.text();
    const message = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) as {
      result: { structuredContent: ClaimResult };
    };
    return message.result.structuredContent;
  }

  cancelRaw(requestId: number | string, options?: RequestInit, app?: TestApp): Promise<Response> {
    return this.post({ method: 'notifications/cancelled', params: { requestId } }, options, app);
  }
}

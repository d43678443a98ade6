import { setTimeout as sleep } from 'node:timers/promises';
import {
  Client as McpClient,
  type FetchLike,
  StreamableHTTPClientTransport,
  type Transport,
} from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newSubject, startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { eventually } from '../../support/eventually.js';
import { stdioServer } from '../../support/mcp.js';

const ACCEPT = {
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
};
const ERAS = { 'the handshake of 2025': 'legacy', 'that of 2026': 'auto' } as const;
const ROUNDS = 12;
/** Of a response that is on the wire when its client closes the connection, nobody knows whether it was read. */
const MOST_UNKNOWN = 2;

interface Claimed {
  claimed: boolean;
  session_id: string | null;
  status: string | null;
  replayed: boolean;
  idempotency_key: string;
}

describe('a claim that waits', () => {
  /** Two processes on one database. */
  let meshes: [TestApp, TestApp];
  let role: string;
  let token: string;
  let asker: Client;
  let worker: Client;
  const open: McpClient[] = [];

  beforeAll(async () => {
    const first = await startTestApp();
    meshes = [first, await startTestApp({ databaseUrl: first.databaseUrl })];
  });

  afterAll(async () => {
    await meshes[1].close();
    await meshes[0].close();
  });

  beforeEach(() => {
    role = newSubject('manager');
    token = tokenFor(role, role);
    asker = new Client(meshes[0].url, tokenFor('finance', newSubject('finance')));
    worker = new Client(meshes[0].url, token);
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => client.close()));
  });

  const send = async () => {
    const { body } = await asker.post<{ task_id: string }>('/tasks/route', {
      target: role,
      task: { task_type: 'budget_approval' },
    });
    return body.task_id;
  };

  const statusOf = async (taskId: string) => {
    const { body } = await worker.get<{ status: string }>(`/tasks/${taskId}`);
    return body.status;
  };

  /** The status of a task once nothing happens to it any more. */
  const finalStatusOf = async (taskId: string) => {
    await sleep(300);
    return eventually(
      () => statusOf(taskId),
      (status) => status === 'pending',
      1_000,
    );
  };

  async function connect(
    transport: Transport,
    mode: 'legacy' | 'auto' = 'legacy',
  ): Promise<McpClient> {
    const client = new McpClient({ name: 'test', version: '1' }, { versionNegotiation: { mode } });
    await client.connect(transport);
    open.push(client);
    return client;
  }

  /** Its requests go to the two processes in turns, as behind a balancer. */
  function balanced(): FetchLike {
    let sent = 0;
    return (url, init) => {
      const { pathname } = new URL(url);
      return fetch(`${meshes[sent++ % 2 === 0 ? 0 : 1].url}${pathname}`, init);
    };
  }

  const overHttp = (fetchLike?: FetchLike) =>
    new StreamableHTTPClientTransport(new URL(`${meshes[0].url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
      ...(fetchLike && { fetch: fetchLike }),
    });

  const overStdio = () =>
    new StdioClientTransport({
      ...stdioServer(),
      env: { PATH: process.env.PATH ?? '', CONTROLLER_URL: meshes[0].url, MESH_JWT_TOKEN: token },
    });

  const claim = async (
    client: McpClient,
    args: Record<string, unknown> = {},
    options: { timeout?: number; signal?: AbortSignal } = {},
  ) => {
    const { structuredContent } = await client.callTool(
      { name: 'claim_task', arguments: { wait_seconds: 25, ...args } },
      options,
    );
    return structuredContent as Claimed;
  };

  const transports = Object.entries(ERAS).flatMap(([handshake, mode]) => [
    [`HTTP, ${handshake}`, () => connect(overHttp(), mode)] as const,
    [`HTTP, ${handshake}, two processes`, () => connect(overHttp(balanced()), mode)] as const,
    [`stdio, ${handshake}`, () => connect(overStdio(), mode)] as const,
  ]);

  describe.each(transports)('over %s', (name, client) => {
    it('claims nothing after its client timed out, or cancelled', async () => {
      const agent = await client();
      await expect(claim(agent, {}, { timeout: 300 })).rejects.toThrow();
      const given = AbortSignal.timeout(300);
      await expect(claim(agent, {}, { signal: given })).rejects.toThrow();
      const taskId = await send();
      expect(await finalStatusOf(taskId)).toBe('pending');
      expect(await claim(agent)).toMatchObject({ claimed: true });
    });

    it('leaves no task without a recipient, whenever it is cancelled', async () => {
      const agent = await client();
      const closesConnection = name.startsWith('HTTP, that of 2026');
      let unknown = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const cancel = new AbortController();
        const claiming = claim(agent, {}, { signal: cancel.signal }).catch(() => undefined);
        if (round % 3 === 0) await sleep(50);
        const [taskId] = await Promise.all([
          send(),
          sleep(Math.random() * 60).then(() => {
            cancel.abort();
          }),
        ]);
        const claimed = await claiming;
        const status = await finalStatusOf(taskId);
        const isUnknown = !claimed && status === 'active' && closesConnection;
        if (isUnknown) unknown++;
        else expect([round, status]).toEqual([round, claimed?.claimed ? 'active' : 'pending']);
        await asker.post(`/tasks/${taskId}/cancel`);
      }
      expect(unknown).toBeLessThanOrEqual(MOST_UNKNOWN);
    }, 60_000);
  });

  it('is shorter than any client waits for an answer, unless it is asked for more', async () => {
    const agent = await connect(overHttp());
    const started = performance.now();
    const { structuredContent } = await agent.callTool({ name: 'claim_task', arguments: {} });
    expect(structuredContent).toMatchObject({ claimed: false });
    expect(performance.now() - started).toBeLessThan(4_500);
    expect(performance.now() - started).toBeGreaterThan(2_000);
  });

  describe('with a key of its caller', () => {
    it('is kept for the call that is made again with it', async () => {
      const taskId = await send();
      const key = { idempotency_key: newSubject('key') };
      const first = await connect(overHttp());
      expect(await claim(first, key)).toMatchObject({ claimed: true, replayed: false });
      const again = await connect(overHttp());
      expect(await claim(again, key)).toMatchObject({ claimed: true, replayed: true });
      expect(await statusOf(taskId)).toBe('active');
    });

    it('claims nothing once it was cancelled, and then does with the same key', async () => {
      const agent = await connect(overHttp());
      const key = { idempotency_key: newSubject('key') };
      await expect(claim(agent, key, { timeout: 200 })).rejects.toThrow();
      const taskId = await send();
      expect(await finalStatusOf(taskId)).toBe('pending');
      expect(await claim(agent, key)).toMatchObject({ claimed: true, replayed: false });
    });

    it('says how its session stands now', async () => {
      await send();
      const agent = await connect(overHttp());
      const { session_id, idempotency_key } = await claim(agent);
      await worker.post(`/sessions/${session_id ?? ''}/release`, {});
      const again = await claim(agent, { idempotency_key });
      expect(again).toMatchObject({ claimed: false, session_id, replayed: true });
      expect(again.status).not.toBe('active');
      expect(again.status).not.toBe('pending');
    });
  });

  describe('of a client that speaks plain HTTP', () => {
    const post = (body: object, options: RequestInit = {}, mesh = meshes[0]) =>
      fetch(`${mesh.url}/mcp`, {
        method: 'POST',
        body: JSON.stringify({ jsonrpc: '2.0', ...body }),
        ...options,
        headers: { ...ACCEPT, authorization: `Bearer ${token}`, ...options.headers },
      });

    const claimOver = async (id: number | string, options: RequestInit = {}, mesh?: TestApp) => {
      const params = { name: 'claim_task', arguments: { wait_seconds: 25 } };
      const response = await post({ id, method: 'tools/call', params }, options, mesh);
      const text = await response.text();
      const message = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) as {
        result: { structuredContent: Claimed };
      };
      return message.result.structuredContent;
    };

    const cancel = (requestId: number | string, options?: RequestInit, mesh?: TestApp) =>
      post({ method: 'notifications/cancelled', params: { requestId } }, options, mesh);

    it('claims nothing after its connection closed', async () => {
      await expect(claimOver(1, { signal: AbortSignal.timeout(300) })).rejects.toThrow();
      const taskId = await send();
      expect(await finalStatusOf(taskId)).toBe('pending');
    });

    it('leaves no task behind when its connection closes at any moment', async () => {
      let unknown = 0;
      for (let round = 0; round < ROUNDS; round++) {
        const gone = new AbortController();
        const claiming = claimOver(round, { signal: gone.signal }).catch(() => undefined);
        await sleep(50);
        const [taskId] = await Promise.all([
          send(),
          sleep(Math.random() * 50).then(() => {
            gone.abort();
          }),
        ]);
        const claimed = await claiming;
        if (!claimed?.claimed && (await finalStatusOf(taskId)) !== 'pending') unknown++;
        await asker.post(`/tasks/${taskId}/cancel`);
      }
      expect(unknown).toBeLessThanOrEqual(MOST_UNKNOWN);
    }, 60_000);

    it.each(['the same process', 'another process'])('is cancelled through %s', async (where) => {
      const claiming = claimOver('a', {});
      await sleep(300);
      expect((await cancel('b')).status).toBe(202);
      const mesh = where === 'the same process' ? meshes[0] : meshes[1];
      expect((await cancel('a', {}, mesh)).status).toBe(202);
      expect(await claiming).toMatchObject({ claimed: false });
      expect(await finalStatusOf(await send())).toBe('pending');
    });

    it('is not cancelled by another subject', async () => {
      const claiming = claimOver(7);
      await sleep(300);
      await cancel(7, { headers: { authorization: `Bearer ${tokenFor(role, newSubject('x'))}` } });
      await send();
      expect(await claiming).toMatchObject({ claimed: true });
    });

    it('never loses a claim that was answered to a client that numbers its requests alike', async () => {
      const first = claimOver(7);
      await sleep(200);
      const taskId = await send();
      expect(await first).toMatchObject({ claimed: true });
      const second = claimOver(7);
      await sleep(200);
      await cancel(7);
      expect(await second).toMatchObject({ claimed: false });
      expect(await finalStatusOf(taskId)).toBe('active');
    });

    it('is known by the label that it was given', async () => {
      const clientInfo = { name: 'raw', version: '1' };
      const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
      const labels = await Promise.all(
        [1, 2].map(async () => {
          const { headers } = await post({ id: 0, method: 'initialize', params });
          return { headers: { 'mcp-session-id': headers.get('mcp-session-id') ?? '' } };
        }),
      );
      const [mine = {}, other = {}] = labels;
      const claiming = claimOver(7, mine);
      await sleep(200);
      await cancel(7, other);
      await cancel(7);
      const taskId = await send();
      expect(await claiming).toMatchObject({ claimed: true });
      await cancel(7, other, meshes[1]);
      expect(await finalStatusOf(taskId)).toBe('active');
      // The client gave up while the response was on its way.
      await cancel(7, mine, meshes[1]);
      expect(await finalStatusOf(taskId)).toBe('pending');
    });

    it('is cancelled by a cancellation that overtakes it', async () => {
      const label = { headers: { 'mcp-session-id': newSubject('label') } };
      await cancel(7, label, meshes[1]);
      await sleep(100);
      expect(await claimOver(7, label)).toMatchObject({ claimed: false });
    });
  });
});

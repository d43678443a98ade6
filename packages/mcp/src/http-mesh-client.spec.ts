import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { callTool } from '../../../src/mcp/tools/call-tool.js';
import { HttpMeshClient } from './http-mesh-client.js';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const ID = 'task-019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c';
const ROUTED = JSON.stringify({ task_id: ID, status: 'accepted', trace_id: 'x' });

/** Answers as told, with a `Retry-After` of none so that no test has to wait. */
function answers(status: number, body = '', headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'retry-after': '0', ...headers }).end(body);
  };
}

describe('A mesh over HTTP', () => {
  let server: Server;
  let url: string;
  let requests: IncomingMessage[];
  let script: Handler[];

  beforeEach(async () => {
    requests = [];
    script = [];
    server = createServer((request, response) => {
      requests.push(request);
      const [handler = answers(202, ROUTED)] = script.length > 1 ? script.splice(0, 1) : script;
      handler(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const mesh = (more: { timeoutSeconds?: number; retries?: number; url?: string } = {}) =>
    new HttpMeshClient({ url, getToken: () => 'a-token', retries: 1, timeoutSeconds: 30, ...more });

  const fetchStatus = async (over = mesh()) => {
    const { result, outcome } = await callTool(over, 'fetch_status', { id: ID });
    const [first] = result.content;
    return { outcome, isError: result.isError, text: first?.type === 'text' ? first.text : '' };
  };

  const problem = (code: string) => JSON.stringify({ code, detail: 'As it says.' });

  it.each([
    [401, problem('auth.token_expired'), 'auth.token_expired', 'Renew the token'],
    [403, problem('auth.forbidden'), 'auth.forbidden', 'MESH_JWT_TOKEN_FILE'],
    [404, problem('session.not_found'), 'session.not_found', 'session not found'],
    [500, problem('server.error'), 'server.error', 'database error'],
    [503, problem('database.unavailable'), 'database.unavailable', 'database error'],
    [
      500,
      JSON.stringify({ error: 'of an older one' }),
      'mesh.unexpected_answer',
      'of an older one',
    ],
    [502, '<html>Bad gateway</html>', 'mesh.unexpected_answer', 'CONTROLLER_URL'],
    [200, '<html>Hello</html>', 'mesh.unexpected_answer', 'CONTROLLER_URL'],
    [302, '', 'mesh.unexpected_answer', 'CONTROLLER_URL'],
  ])('that answers %d says what that means', async (status, body, code, said) => {
    script = [answers(status, body)];
    const refused = await fetchStatus();

    expect(refused).toMatchObject({ isError: true, outcome: code });
    expect(refused.text).toContain(said);
    expect(requests).toHaveLength(status >= 500 ? 2 : 1);
  });

  it('that nobody answers names the URL and the variable', async () => {
    const refused = await fetchStatus(mesh({ url: 'http://127.0.0.1:2', retries: 0 }));
    expect(refused.outcome).toBe('mesh.unreachable');
    expect(refused.text).toContain('Cannot connect to http://127.0.0.1:2');
    expect(refused.text).toContain('CONTROLLER_URL');
  });

  it('that does not answer in time names the URL and both variables', async () => {
    script = [() => undefined];
    const refused = await fetchStatus(mesh({ timeoutSeconds: 1, retries: 0 }));
    expect(refused.outcome).toBe('mesh.timeout');
    expect(refused.text).toContain(`No response from ${url} within 1 s`);
    expect(refused.text).toMatch(/CONTROLLER_URL and MESH_TIMEOUT_SECS/);
  });

  it('sends what was cut off again, as it was', async () => {
    script = [(request) => request.socket.destroy(), answers(429), answers(202, ROUTED)];
    const { result } = await callTool(mesh({ retries: 2 }), 'send_task', {
      target: 'manager',
      task_type: 'x',
    });

    expect(result.isError).toBeUndefined();
    expect(requests).toHaveLength(3);
    for (const name of ['idempotency-key', 'x-trace-id', 'authorization']) {
      expect(new Set(requests.map(({ headers }) => headers[name])).size).toBe(1);
    }
    const { idempotency_key } = result.structuredContent as { idempotency_key: string };
    expect(requests[0]?.headers['idempotency-key']).toBe(idempotency_key);
  });

  it('uses another key for another call', async () => {
    const args = { target: 'manager', task_type: 'x' };
    await callTool(mesh(), 'send_task', args);
    await callTool(mesh(), 'send_task', args);
    expect(new Set(requests.map(({ headers }) => headers['idempotency-key'])).size).toBe(2);
  });

  it('hands an id on as one segment of the path', async () => {
    const call = mesh().call('get_task', { id: '../me?x#y' });
    await call;
    expect(requests[0]?.url).toBe('/tasks/..%2Fme%3Fx%23y');
  });

  it('sends no request with an id that would name another route', async () => {
    for (const id of ['', '.', '..']) {
      await expect(mesh().call('get_task', { id })).rejects.toMatchObject({
        problem: { code: 'mesh.path_invalid' },
      });
    }
    expect(requests).toEqual([]);
  });

  it('gives up when nobody waits for the answer', async () => {
    script = [() => undefined];
    const nobody = new AbortController();
    const waiting = mesh().call('who_am_i', { signal: nobody.signal });
    setTimeout(() => {
      nobody.abort();
    }, 50);
    await expect(waiting).rejects.toThrow();
  });
});

import { beforeAll, describe, expect, it } from '@jest/globals';
import { developmentToken } from '../../../src/auth/development-token.js';
import { VERSION } from '../../../src/version.js';
import { newSubject, startTestApp, TEST_SECRET, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { McpAgents } from '../../support/mcp.js';
import { useApp } from '../../support/kit.js';

const ACCEPT = { accept: 'application/json, text/event-stream' };
const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} };

describe('POST /mcp', () => {
  const mesh = useApp({
    env: { CORS_ORIGINS: 'https://console.example.com', PUBLIC_URL: 'https://mesh.example.com/' },
  });
  let finance: Client;
  let stranger: Client;

  beforeAll(() => {
    finance = mesh.agent('finance');
    stranger = new Client(mesh.url);
  });

  const say = (body: unknown, headers: Record<string, string> = {}) =>
    finance.post('/mcp', body, { ...ACCEPT, ...headers });

  it('401 without a token, with the URL of the resource metadata', async () => {
    const refused = await stranger.post('/mcp', LIST, ACCEPT);
    expect(refused).toMatchObject({ status: 401, body: { code: 'auth.token_missing' } });
    const challenge = refused.headers.get('www-authenticate');
    const url = 'https://mesh.example.com/.well-known/oauth-protected-resource/mcp';
    expect(challenge).toBe(`Bearer resource_metadata="${url}"`);

    const bad = await new Client(mesh.url, 'not.a.token').post('/mcp', LIST, ACCEPT);
    expect(bad.headers.get('www-authenticate')).toMatch(
      /^Bearer error="invalid_token".*, resource_metadata="https:/,
    );

    const metadata = await stranger.get(new URL(url).pathname);
    expect(metadata).toMatchObject({
      status: 200,
      body: { resource: 'https://mesh.example.com/mcp', bearer_methods_supported: ['header'] },
    });
    const plain = await stranger.get('/sessions');
    expect(plain.headers.get('www-authenticate')).not.toContain('resource_metadata');
  });

  it('allows loopback origins and CORS_ORIGINS only', async () => {
    const statusFrom = async (origin: string) => (await say(LIST, { origin })).status;

    expect(await statusFrom('https://console.example.com')).toBe(200);
    expect(await statusFrom('http://localhost:3000')).toBe(200);
    const foreign = await say(LIST, { origin: 'https://evil.example.com' });
    expect(foreign).toMatchObject({ status: 403, body: { code: 'mcp.origin_not_allowed' } });

    const preflight = await stranger.call('OPTIONS', '/mcp', {
      headers: {
        origin: 'https://console.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,mcp-protocol-version',
      },
    });
    expect(preflight.headers.get('access-control-allow-headers')).toContain('Mcp-Protocol-Version');
  });

  it('responds to JSON-RPC messages without a session', async () => {
    for (const [body, expected] of [
      [LIST, { result: { tools: expect.any(Array) } }],
      [{ jsonrpc: '2.0', id: 2, method: 'ping' }, { result: {} }],
      [{ jsonrpc: '2.0', id: 3, method: 'no/such' }, { error: { code: -32601 } }],
      [
        { ...LIST, method: 'tools/call', params: { name: 'whoami', arguments: null } },
        { result: {} },
      ],
      [{ ...LIST, method: 'tools/call', params: { name: 'whoami' } }, { result: {} }],
    ] as const) {
      const answer = await say(body);
      const text = /^data: (.*)$/m.exec(answer.text)?.[1] ?? answer.text;
      expect(JSON.parse(text)).toMatchObject({ jsonrpc: '2.0', id: body.id, ...expected });
      expect(answer.headers.get('mcp-session-id')).toBeNull();
      expect(answer.headers.get('x-trace-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect((await say({ jsonrpc: '2.0', method: 'notifications/initialized' })).status).toBe(202);
  });

  it.each([
    ['a batch', [LIST, LIST], 400],
    ['a batch of none', [], 400],
    ['no body', undefined, 400],
    ['what is no JSON', '{"jsonrpc":', 400],
    ['what is no JSON-RPC', { hello: 'there' }, 400],
    ['an older JSON-RPC', { ...LIST, jsonrpc: '1.0' }, 400],
    ['an answer that nobody asked for', { jsonrpc: '2.0', id: 9, result: {} }, 202],
    ['what is too deep', `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`, 400],
    ['a key into prototypes', '{"jsonrpc":"2.0","__proto__":{}}', 400],
    ['a long string', { ...LIST, params: { x: 'x'.repeat(70_000) } }, 400],
    ['more than 1 MiB', `{"x":"${'x'.repeat(1_100_000)}"}`, 413],
  ])('client error or 202 with %s', async (_what, body, status) => {
    const answer = await say(body);
    expect([answer.status, answer.text.includes('server.error')]).toEqual([status, false]);
  });

  it('405, 415 and 406 with another method, content type or Accept header', async () => {
    for (const method of ['GET', 'DELETE', 'PUT']) {
      const answer = await finance.call(method, '/mcp', { headers: ACCEPT });
      expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
    }
    expect((await say('x', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await say(LIST, { accept: 'text/html' })).status).toBe(406);
  });

  it.each(['GET', 'DELETE', 'PUT', 'HEAD'])(
    '401 with a missing or expired token before it refuses %s',
    async (method) => {
      const old = developmentToken(TEST_SECRET, { roles: ['finance'], expiresInSeconds: -3_600 });
      for (const [token, challenge] of [
        [undefined, /^Bearer resource_metadata="/],
        ['not.a.token', /^Bearer error="invalid_token".*resource_metadata="/],
        [old, /^Bearer error="invalid_token".*resource_metadata="/],
      ] as const) {
        const refused = await new Client(mesh.url, token).call(method, '/mcp', { headers: ACCEPT });
        expect(refused.status).toBe(401);
        expect(refused.headers.get('www-authenticate')).toMatch(challenge);
        expect(refused.headers.get('allow')).toBeNull();
      }
    },
  );

  it('advertises its version, and no list changes', async () => {
    const clientInfo = { name: 'test', version: '1' };
    const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo };
    const { text } = await say({ jsonrpc: '2.0', id: 1, method: 'initialize', params });
    expect(text).toContain(`"version":"${VERSION}"`);
    expect(text).toContain('"capabilities"');
    expect(text).not.toMatch(/"(listChanged|subscribe)":true/);
  });

  it('counts calls by tool and outcome', async () => {
    const agents = new McpAgents('http', mesh.url);
    const agent = await agents.agent(tokenFor('finance', newSubject('finance')));
    await agent.does('whoami');
    await agent.call('fetch_status', { id: '019a1b2c-3d4e-7f5a-8b6c-7d8e9f0a1b2c' });
    await agent.close();
    await agents.close();

    const { text } = await new Client(mesh.url, tokenFor('auditor')).get('/metrics');
    expect(text).toMatch(/mesh_mcp_tool_calls_total\{tool="whoami",outcome="ok"\} [1-9]/);
    expect(text).toMatch(
      /mesh_mcp_tool_calls_total\{tool="fetch_status",outcome="session.not_found"\} [1-9]/,
    );
  });
});

describe('POST /mcp with rate limits', () => {
  it('counts towards the limit of the subject', async () => {
    const mesh = await startTestApp({
      env: { RATE_LIMIT_ENABLED: 'true', RATE_LIMIT_SUBJECT: '1' },
    });
    const client = mesh.agent('finance');
    const statuses: number[] = [];
    for (let sent = 0; sent < 11; sent++) {
      statuses.push((await client.post('/mcp', LIST, ACCEPT)).status);
    }
    await mesh.close();
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 200), 429]);
  });
});

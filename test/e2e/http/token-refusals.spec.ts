import { describe, expect, it } from '@jest/globals';
import { newSubject, TEST_SECRET, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { times, useApp } from '../../support/kit.js';
import { type Json, signedToken } from '../../support/signed-token.js';
import { metrics } from '../../support/work.js';

const HOUR = 3_600;
const DEFAULT_TOKEN_BYTES = 8_192;
const MAX_HEADER_BYTES = 65_536;

describe('a refused token', () => {
  const mesh = useApp({ env: { MAX_HEADER_BYTES: String(MAX_HEADER_BYTES) } });

  const now = (): number => Math.floor(Date.now() / 1000);

  function token(claims: Json = {}, header: Json = {}, secret = TEST_SECRET): string {
    const valid = { iss: 'agent-mesh-dev', sub: newSubject('finance'), roles: ['finance'] };
    const payload = { ...valid, role: 'finance', iat: now(), exp: now() + HOUR, ...claims };
    return signedToken({ alg: 'HS256', typ: 'JWT', ...header }, payload, secret);
  }

  const get = (authorization?: string) =>
    new Client(mesh.url).get('/me', authorization ? { headers: { authorization } } : {});

  it.each<[string, string, () => string | undefined]>([
    ['missing', 'auth.token_missing', () => undefined],
    ['expired', 'auth.token_expired', () => `Bearer ${token({ exp: now() - HOUR })}`],
    ['header', 'auth.token_invalid', () => 'Bearer two tokens'],
    ['sender_constrained', 'auth.token_invalid', () => `DPoP ${token()}`],
    ['too_long', 'auth.token_invalid', () => `Bearer ${'x'.repeat(MAX_HEADER_BYTES / 2 + 1)}`],
    ['malformed', 'auth.token_invalid', () => 'Bearer a.b.c'],
    ['algorithm', 'auth.token_invalid', () => `Bearer ${token({}, { alg: 'none' })}`],
    ['signature', 'auth.token_invalid', () => `Bearer ${token({}, {}, 'x'.repeat(32))}`],
    ['issuer', 'auth.token_invalid', () => `Bearer ${token({ iss: 7 })}`],
    ['subject', 'auth.token_invalid', () => `Bearer ${token({ sub: '' })}`],
    ['roles', 'auth.token_invalid', () => `Bearer ${token({ roles: 7 })}`],
    ['time', 'auth.token_invalid', () => `Bearer ${token({ exp: undefined })}`],
  ])('counts as %s', async (reason, code, authorization) => {
    const name = `mesh_token_refusals_total{reason="${reason}"}`;
    const before = (await metrics(mesh))(name);
    const answers = await Promise.all(times(3, () => get(authorization())));
    expect(answers.map(({ body }) => body.code)).toEqual([code, code, code]);
    expect((await metrics(mesh))(name)).toBe(before + 3);
  });

  it('counts before the body of its request is read', async () => {
    const name = 'mesh_token_refusals_total{reason="malformed"}';
    const before = (await metrics(mesh))(name);
    const answer = await new Client(mesh.url, 'a.b.c').post('/tasks/route', { target: 'manager' });
    expect(answer.status).toBe(401);
    expect((await metrics(mesh))(name)).toBe(before + 1);
  });

  it('is not one of 30 KB with MAX_HEADER_BYTES of twice as much', async () => {
    const large = token({ groups: 'x'.repeat(22_000) });
    expect(large.length).toBeGreaterThan(3.5 * DEFAULT_TOKEN_BYTES);
    const agent = new Client(mesh.url, large);
    expect((await agent.get('/me')).status).toBe(200);
    const task = { target: 'manager', task: { task_type: 'approval' } };
    expect((await agent.post('/tasks/route', task)).status).toBe(202);
    const mcp = await agent.post(
      '/mcp',
      { jsonrpc: '2.0', id: 1, method: 'tools/list' },
      { accept: 'application/json, text/event-stream' },
    );
    expect(mcp.status).toBe(200);
  });
});

describe('a large token with the default of MAX_HEADER_BYTES', () => {
  const mesh = useApp();

  it.each([
    [DEFAULT_TOKEN_BYTES + 1, 401],
    [20_000, 431],
  ])('of %d bytes is %d', async (bytes, status) => {
    const response = await new Client(mesh.url, 'x'.repeat(bytes)).get('/me');
    expect(response.status).toBe(status);
    expect((await new Client(mesh.url, tokenFor('finance')).get('/me')).status).toBe(200);
  });
});

import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { developmentToken } from '../../../src/auth/development-token.js';
import { TEST_SECRET, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { expectProblemDocument, SECRET, sendBytes, WRITES } from '../../support/problems.js';
import { useSharedApp } from '../../support/kit.js';

describe('problem documents: 401 to 415', () => {
  const mesh = useSharedApp();
  let client: Client;

  beforeAll(() => {
    client = new Client(mesh.url, tokenFor('finance'));
  });

  it.each([
    ['no token', undefined, 'auth.token_missing', 'Bearer'],
    ['another scheme', 'Basic eDp5', 'auth.token_missing', 'Bearer'],
    ['no JWT', `Bearer ${SECRET}`, 'auth.token_invalid', 'Bearer error="invalid_token"'],
    [
      'an expired token',
      `Bearer ${developmentToken(TEST_SECRET, { roles: ['x'], expiresInSeconds: -600 })}`,
      'auth.token_expired',
      'Bearer error="invalid_token", error_description="The access token expired"',
    ],
    [
      'another secret',
      `Bearer ${developmentToken(`${TEST_SECRET}!`, { roles: ['x'] })}`,
      'auth.token_invalid',
      'Bearer error="invalid_token"',
    ],
  ])('401 with %s, with the challenge', async (_, authorization, code, challenge) => {
    for (const [method, path] of [...WRITES, ['GET', '/sessions'], ['GET', '/metrics']] as const) {
      const answer = await new Client(mesh.url).call(method, path, {
        headers: authorization === undefined ? {} : { authorization },
      });
      expectProblemDocument(answer, 401, code);
      expect(answer.headers.get('www-authenticate')).toBe(challenge);
    }
  });

  it('403 when the role is not held', async () => {
    expectProblemDocument(
      await client.post('/sessions', { role: SECRET }),
      403,
      'auth.role_not_held',
    );
  });

  it.each([
    '/nowhere',
    '/',
    '/sessions/a/b/c',
    '/tasks/route/x',
    '/.env',
    '/approvals/x/unknown',
    `/${SECRET.slice(0, 3)}`,
  ])('404 when the route %s does not exist', async (path) => {
    for (const method of ['GET', 'POST', 'DELETE'])
      expectProblemDocument(await client.call(method, path), 404, 'request.route_not_found');
  });

  it.each([
    ['DELETE', '/sessions', 'GET, HEAD, POST'],
    ['PATCH', `/sessions/${randomUUID()}`, 'GET, HEAD, PUT'],
    ['GET', `/sessions/${randomUUID()}/events`, 'PUT'],
    ['PUT', '/tasks', 'GET, HEAD'],
    ['POST', '/audit/events', 'GET, HEAD'],
    ['GET', '/audit/ingest', 'POST'],
    ['OPTIONS', '/approvals', 'GET, HEAD, POST'],
    ['DELETE', '/health', 'GET, HEAD'],
    ['POST', '/status', 'GET, HEAD'],
  ])('%s %s: 405 with the allowed methods', async (method, path, allow) => {
    for (const caller of [client, new Client(mesh.url)]) {
      const answer = await caller.call(method, path);
      expectProblemDocument(answer, 405, 'request.method_not_allowed');
      expect(answer.headers.get('allow')).toBe(allow);
    }
  });

  it('HEAD has the status of GET without a body', async () => {
    const answer = await client.call('HEAD', `/sessions/${randomUUID()}`);
    expect(answer).toMatchObject({ status: 404, text: '' });
    expect((await client.call('HEAD', '/sessions')).status).toBe(200);
  });

  it('412 with the current ETag', async () => {
    const { body } = await client.post('/sessions', { role: 'finance' });
    const path = `/sessions/${String(body.id)}`;
    const answer = await client.put(path, { metadata: {} }, { 'if-match': `"${SECRET}"` });
    expectProblemDocument(answer, 412, 'session.version_mismatch');
    expect(answer.headers.get('etag')).toBe(`"${String(body.id)}.1"`);
  });

  it('413 when the body is larger than 1 MiB', async () => {
    const frame = '{"x":""}'.length;
    const just = await sendBytes(mesh, `{"x":"${'a'.repeat(1_048_576 - frame)}"}`);
    expectProblemDocument(just, 400, 'request.invalid');
    const more = await sendBytes(mesh, `{"x":"${'a'.repeat(1_048_577 - frame)}"}`);
    expectProblemDocument(more, 413, 'request.too_large');
  });

  it.each([
    ['a form', 'application/x-www-form-urlencoded'],
    ['an upload', 'multipart/form-data; boundary=x'],
    ['text', 'text/plain'],
    ['XML', 'application/xml'],
    ['something like JSON', 'application/vnd.api+json'],
    ['JSON lines', 'application/x-ndjson'],
    ['JSON in Latin 1', 'application/json; charset=latin1'],
    ['JSON in UTF-16', 'application/json; charset=utf-16'],
    ['nothing named', ''],
  ])('415 when the body is %s', async (_, type) => {
    for (const route of WRITES)
      expectProblemDocument(
        await sendBytes(mesh, '{}', { 'content-type': type }, route),
        415,
        'request.media_type',
      );
  });

  it('415 when the body is an encoded form', async () => {
    const form = new URLSearchParams({ target: SECRET });
    const headers = { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' };
    expectProblemDocument(await sendBytes(mesh, form, headers), 415, 'request.media_type');
  });

  it.each(['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip'])(
    '415 with the content encoding %s',
    async (coding) => {
      const body = new Uint8Array(gzipSync('{"role":"finance"}'));
      const answer = await sendBytes(mesh, body, { 'content-encoding': coding });
      expectProblemDocument(answer, 415, 'request.media_type');
    },
  );

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'Application/JSON; charset="utf-8"',
  ])('201 with the content type %s', async (type) => {
    const answer = await sendBytes(mesh, '{"role":"finance"}', { 'content-type': type }, [
      'POST',
      '/sessions',
    ]);
    expect(answer.status).toBe(201);
  });
});

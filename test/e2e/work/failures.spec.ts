import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { callTool } from '../../../src/mcp/tools/call-tool.js';
import { recordOf } from '../../../src/mcp/tools/json-of.js';
import { HttpMeshClient } from '../../../packages/mcp/src/http-mesh-client.js';
import { newSubject, type TestApp, tokenFor } from '../../support/app.js';
import type { Answer, Client } from '../../support/client.js';
import { type ClaimedBody, finish, Team, type Written } from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';

const DEEP = JSON.parse('[1'.replace('1', '['.repeat(100) + ']'.repeat(100)) + ']') as unknown;

describe('a reported failure', () => {
  let mesh: TestApp;
  let team: Team;
  let worker: Client;
  let claimed: ClaimedBody;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
    worker = team.worker();
  });

  async function claim(): Promise<string> {
    await team.route();
    claimed = await team.claim(worker);
    return claimed.session.id;
  }

  const fail = async (body: unknown, headers = {}): Promise<Answer<Written>> =>
    worker.put<Written>(`/sessions/${await claim()}`, body, headers);

  it.each<[string, unknown, RegExp]>([
    ['long', 'x'.repeat(10_001), /^x+\n\[incomplete: shortened from 10001 characters\]$/],
    ['a stack trace of 2 MB', 'at x\n'.repeat(400_000), /shortened from 2000000 characters\]$/],
    ['full of U+0000', 'a\u0000b', /^a\ufffdb\n\[incomplete: characters replaced\]$/],
    ['with a lone surrogate', 'a\ud800b', /^a\ufffdb\n\[incomplete: characters replaced\]$/],
    ['cut in a pair', '😀'.repeat(6_000), /shortened/],
  ])('accepts an error that is %s', async (_, error, kept) => {
    const failed = await fail({ status: 'failed', error });
    expect(failed.status).toBe(200);
    expect(failed.body).toMatchObject({ status: 'failed', error_truncated: true });
    expect(failed.body.error).toMatch(kept);
    expect(failed.body.error?.length).toBeLessThanOrEqual(10_000);
    expect(failed.body.error?.isWellFormed()).toBe(true);
    const { body } = await worker.get<Written>(`/sessions/${failed.body.id}`);
    expect(body).toMatchObject({ error: failed.body.error, error_truncated: true });
  });

  it.each([
    [{ why: 'x' }, '{"why":"x"}'],
    [['a'], '["a"]'],
    [7, '7'],
    [false, 'false'],
  ])('accepts the error %j', async (error, kept) => {
    const failed = await fail({ status: 'failed', error, retryable: true });
    expect(failed.body).toMatchObject({ status: 'failed', error: kept, error_truncated: false });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['unknown members', { stack: 'x', toString: 'y' }, 'not stored: stack, toString'],
    ['metadata that is nested too deep', { metadata: { DEEP } }, 'not stored: metadata'],
    ['metadata with a long text', { metadata: { a: 'x'.repeat(70_000) } }, 'not stored: metadata'],
    ['metadata with U+0000', { metadata: { a: '\u0000' } }, 'not stored: metadata'],
    ['metadata that is no object', { metadata: 'x' }, 'not stored: metadata'],
    ['a large unknown member', { log: 'x'.repeat(1_500_000) }, 'not stored: log'],
  ])('accepts %s with a warning', async (_, more, note) => {
    const failed = await fail({ status: 'failed', error: 'no', ...more });
    expect([failed.status, failed.body.error]).toEqual([200, `no\n[incomplete: ${note}]`]);
    expect(failed.body.metadata).toEqual({});
  });

  it('keeps valid metadata', async () => {
    const failed = await fail({ state: 'failed', error: 'no', metadata: { step: 2 } });
    expect(failed.body).toMatchObject({ metadata: { step: 2 }, error: 'no' });
  });

  it('is accepted as an event in any case', async () => {
    const session = await claim();
    const failed = await worker.put<Written>(`/sessions/${session}/events`, {
      ...{ event: 'FAIL', error: 'x'.repeat(2_000_000), retryable: true, extra: 1 },
    });
    expect(failed.status).toBe(200);
    expect(failed.body.error).toMatch(/shortened from 2000000 characters; not stored: extra\]$/);
    expect((await team.task(claimed.task.id)).status).toBe('pending');
  });

  it('accepts bytes that are not UTF-8', async () => {
    const session = await claim();
    const response = await fetch(`${mesh.url}/sessions/${session}`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${tokenFor('admin')}`,
        'content-type': 'application/json',
      },
      body: Buffer.from('{"status":"failed","error":"caf\xe9"}', 'latin1'),
    });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ error: 'caf\ufffd' });
  });

  it('413 over 8 MiB, with a hint', async () => {
    const session = await claim();
    const refused = await worker.put<Written>(`/sessions/${session}`, {
      ...{ status: 'failed', error: 'x'.repeat(9 * 2 ** 20) },
    });
    expect([refused.status, refused.body.code]).toEqual([413, 'request.too_large']);
    expect(refused.body.detail).toContain('first 10,000 characters');
    expect((await finish(worker, session, { status: 'failed', error: 'x' })).status).toBe(200);
  });

  it('has relaxed limits; other bodies keep theirs', async () => {
    const session = await claim();
    const path = `/sessions/${session}`;
    const codes = [
      { metadata: { a: 'x'.repeat(2_000_000) } },
      { metadata: { a: 'x'.repeat(70_000) } },
      { status: 'completed', result: { a: '\u0000' } },
      { status: 'failed', result: { DEEP } },
      { status: 'failed', retryable: 'yes' },
    ].map(async (body) => (await worker.put(path, body)).body.code);
    expect(await Promise.all(codes)).toEqual([
      'request.too_large',
      ...Array<string>(4).fill('request.invalid'),
    ]);
  });

  it('runs once with an idempotency key', async () => {
    const session = await claim();
    const key = { 'idempotency-key': randomUUID() };
    const send = (error: unknown) =>
      worker.put<Written>(`/sessions/${session}`, { status: 'failed', error }, key);
    const long = `${'x'.repeat(20_000)}\ud800`;
    const [first, again] = [await send(long), await send(long)];
    expect([first.status, again.status, again.text]).toEqual([200, 200, first.text]);
    for (const other of [`${long}y`, `${'x'.repeat(20_000)}\ud801`, long.slice(1)]) {
      expect((await send(other)).body.code).toBe('idempotency.payload_mismatch');
    }
  });

  it('is accepted by the tool fail_task with any argument', async () => {
    const token = tokenFor(team.role, newSubject('agent'));
    const options = { url: mesh.url, getToken: () => token, retries: 0, timeoutSeconds: 10 };
    for (const error of ['x'.repeat(12_000_000), '\u0000\ud800', { why: 'x' }, '', 7]) {
      await team.route();
      const claim = await callTool(new HttpMeshClient(options), 'claim_task', {});
      const { session_id, limits } = recordOf(claim.result.structuredContent);
      expect(limits).toMatchObject({ result_bytes: 1_000_000, error_characters: 10_000 });
      const args = { session_id, error, extra: 1 };
      const failed = await callTool(new HttpMeshClient(options), 'fail_task', args);
      expect(failed.outcome).toBe('ok');
    }
  });

  it('is accepted by the tool fail_task over POST /mcp', async () => {
    await team.route();
    const by = team.worker();
    const { session } = await team.claim(by);
    const response = await fetch(`${mesh.url}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokenFor(['admin', team.role])}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({
        ...{ jsonrpc: '2.0', id: 1, method: 'tools/call' },
        params: {
          name: 'fail_task',
          arguments: { session_id: session.id, error: 'x\u0000'.repeat(600_000) },
        },
      }),
    });
    expect(response.status).toBe(200);
    const { body } = await by.get<Written>(`/sessions/${session.id}`);
    expect(body).toMatchObject({ status: 'failed', error_truncated: true });
  });

  it('and a result have the limits that a claim returns', async () => {
    await team.route();
    const { session, limits } = await team.claim(worker);
    const texts = Array.from({ length: 15 }, () => 'x'.repeat(limits.string_characters));
    let nested: unknown = 1;
    for (let level = 2; level < limits.result_depth; level += 1) nested = { nested };
    const members = Object.fromEntries(
      Array.from({ length: limits.result_members - 100 }, (_, n) => [`m${n}`, n]),
    );
    const done = await finish(worker, session.id, {
      ...{ status: 'completed', result: { texts, nested, members } },
    });
    expect(done.status).toBe(200);
  });
});

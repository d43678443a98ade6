import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { validate } from 'uuid';
import { developmentToken } from '../../../src/auth/development-token.js';
import { newSubject, TEST_SECRET, type TestApp, tokenFor } from '../../support/app.js';
import { Client } from '../../support/client.js';
import {
  budget,
  caller,
  callerWithoutDefault,
  describeWithEachRedis,
  expectReplay,
  isReplay,
  keyHeader,
  newSession,
  rowCounts,
  expectNoEffect,
} from '../../support/idempotency.js';
import { expectProblem } from '../../support/kit.js';
import { useApp } from '../../support/kit.js';

describeWithEachRedis('replays of an idempotency key, with %s', (_, redis) => {
  const mesh = useApp(redis);

  describe('a new key', () => {
    it('creates one task, one attempt, one audit event and one record', async () => {
      const before = await rowCounts(mesh);
      const answer = await caller(mesh).post('/tasks/route', budget(), keyHeader('order-17'));
      expect(answer.status).toBe(202);
      expect(isReplay(answer)).toBe(false);
      expect(answer.headers.get('idempotency-key')).toBe('order-17');
      expect(await rowCounts(mesh)).toEqual({
        tasks: (before?.tasks ?? 0) + 1,
        sessions: (before?.sessions ?? 0) + 1,
        approvals: before?.approvals,
        events: (before?.events ?? 0) + 1,
        records: (before?.records ?? 0) + 1,
      });
    });

    it('creates another task than another key, and than a request without a key', async () => {
      const finance = caller(mesh);
      const answers = await Promise.all([
        finance.post('/tasks/route', budget(), keyHeader()),
        finance.post('/tasks/route', budget(), keyHeader()),
        finance.post('/tasks/route', budget()),
        finance.post('/tasks/route', budget()),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
      expect(new Set(answers.map(({ body }) => body.task_id)).size).toBe(4);
    });
  });

  describe('a used key', () => {
    it.each([
      ['as it was', JSON.stringify(budget())],
      ['with white space', JSON.stringify(budget(), null, 4)],
      [
        'with its members in another order',
        '{"context":{},"task":{"data":{"amount":50000},"description":"Q3","task_type":"budget_approval"},"target":"manager"}',
      ],
      ['with an exponent', JSON.stringify(budget()).replace('50000', '5e4')],
      ['with a fraction of zero', JSON.stringify(budget()).replace('50000', '50000.000')],
      ['with escapes', JSON.stringify(budget()).replace('Q3', String.raw`\u0051\u0033`)],
    ])('replays a retry %s', async (_form, text) => {
      const [finance, headers] = [caller(mesh), keyHeader()];
      const first = await finance.post('/tasks/route', budget(), headers);
      expect(first.status).toBe(202);
      const retry = await expectNoEffect(mesh, () => finance.post('/tasks/route', text, headers));
      expectReplay(retry, first);
    });

    it('replays every retry, with the trace id of the retry', async () => {
      const [finance, headers] = [caller(mesh), keyHeader()];
      const first = await finance.post('/tasks/route', budget(), headers);
      const traces = [randomUUID(), randomUUID(), randomUUID()];
      await expectNoEffect(mesh, async () => {
        for (const trace of traces) {
          const again = { ...headers, 'X-Trace-Id': trace };
          const retry = await finance.post('/tasks/route', budget(), again);
          expectReplay(retry, first);
          expect(retry.headers.get('x-trace-id')).toBe(trace);
          expect(retry.body.trace_id).toBe(first.body.trace_id);
        }
      });
      const retry = await finance.post('/tasks/route', budget(), headers);
      expect(validate(retry.headers.get('x-trace-id'))).toBe(true);
      expect(retry.headers.get('x-trace-id')).not.toBe(first.headers.get('x-trace-id'));
    });

    it('replays before it checks If-Match', async () => {
      const finance = caller(mesh);
      const { path, etag } = await newSession(finance);
      const headers = { ...keyHeader(), 'If-Match': etag };
      const first = await finance.put(path, { status: 'active' }, headers);
      expect(first).toMatchObject({ status: 200, body: { status: 'active', version: 2 } });
      expect(isReplay(first)).toBe(false);
      expectReplay(
        await expectNoEffect(mesh, () => finance.put(path, { status: 'active' }, headers)),
        first,
      );
      const unkeyed = await finance.put(path, { status: 'active' }, { 'If-Match': etag });
      expectProblem(unkeyed, 412, 'session.version_mismatch');
    });

    it('replays a request that changed nothing', async () => {
      const [role, headers] = [newSubject('role'), keyHeader()];
      const [requester, worker] = [caller(mesh), caller(mesh, role)];
      await requester.post('/tasks/route', { ...budget(), target: role });
      const first = await worker.post('/tasks/claim', {}, headers);
      expect(first.status).toBe(200);
      expect((await worker.post('/tasks/claim', {})).status).toBe(204);
      const retry = await expectNoEffect(mesh, () => worker.post('/tasks/claim', {}, headers));
      expect(retry).toMatchObject({ status: 200, body: { ...first.body, replayed: true } });
      expect(isReplay(retry)).toBe(true);
    });

    it('replays a task whose deadline has passed', async () => {
      const [finance, headers] = [caller(mesh), keyHeader()];
      const deadline_at = new Date(Date.now() + 1_500).toISOString();
      const send = (amount: number) =>
        finance.post('/tasks/route', { ...budget(amount), deadline_at }, headers);
      const first = await send(1);
      expect(first.status).toBe(202);
      await sleep(Date.parse(deadline_at) - Date.now() + 50);
      expectReplay(await expectNoEffect(mesh, () => send(1)), first);
      expectProblem(await send(2), 422, 'idempotency.payload_mismatch');
      const late = await finance.post('/tasks/route', { ...budget(), deadline_at }, keyHeader());
      expectProblem(late, 400, 'request.invalid');
    });

    it('replays the first response without an ETag, whatever has changed since', async () => {
      const finance = caller(mesh);
      const { path } = await newSession(finance);
      const headers = keyHeader();
      const first = await finance.put(path, { status: 'active' }, headers);
      await finance.put(path, { status: 'completed' });
      const retry = await finance.put(path, { status: 'active' }, headers);
      expectReplay(retry, first);
      expect(retry.headers.get('etag')).toBeNull();
      expect((await finance.get(path)).body).toMatchObject({ status: 'completed', version: 3 });
    });

    it('422 with another body, without the first response', async () => {
      const [finance, headers] = [caller(mesh), keyHeader()];
      const first = await finance.post('/tasks/route', budget(1), headers);
      await expectNoEffect(mesh, async () => {
        const others = [
          await finance.post('/tasks/route', budget(2), headers),
          await finance.post('/tasks/route', { ...budget(1), context: { a: 1 } }, headers),
        ];
        for (const other of others) {
          expectProblem(other, 422, 'idempotency.payload_mismatch');
          expect(other.text).not.toContain(String(first.body.task_id));
          expect(other.text).not.toContain(String(first.body.trace_id));
        }
      });
      expectReplay(await finance.post('/tasks/route', budget(1), headers), first);
    });

    it('is independent of the same key of another caller', async () => {
      const headers = keyHeader();
      const mine = await caller(mesh).post('/tasks/route', budget(1), headers);
      const same = await caller(mesh).post('/tasks/route', budget(1), headers);
      const other = await caller(mesh).post('/tasks/route', budget(2), headers);
      expect([mine, same, other].map(({ status }) => status)).toEqual([202, 202, 202]);
      expect(new Set([mine, same, other].map(({ body }) => body.task_id)).size).toBe(3);
    });

    it('is independent of the same key and subject of another issuer', async () => {
      const headers = keyHeader();
      const sub = newSubject('finance');
      const tokens = ['https://one.example', 'https://two.example'].map((issuer) =>
        developmentToken(TEST_SECRET, { roles: ['finance'], sub, issuer }),
      );
      for (const token of tokens) {
        const answer = await new Client(mesh.url, token).post('/tasks/route', budget(), headers);
        expect(answer.status).toBe(202);
      }
    });

    it('is independent of the same key on another route or resource', async () => {
      const [finance, headers] = [caller(mesh), keyHeader()];
      expect((await finance.post('/tasks/route', budget(), headers)).status).toBe(202);
      expect((await finance.post('/sessions', { role: 'finance' }, headers)).status).toBe(201);
      for (const { path } of [await newSession(finance), await newSession(finance)]) {
        const changed = await finance.put(path, { status: 'active' }, headers);
        expect([changed.status, isReplay(changed)]).toEqual([200, false]);
        const event = await finance.put(`${path}/events`, { event: 'complete' }, headers);
        expect([event.status, isReplay(event)]).toEqual([200, false]);
      }
    });

    it('422 when the body names another role', async () => {
      const [agent, headers] = [caller(mesh, ['finance', 'legal']), keyHeader()];
      const named = (from_role: string) => ({ ...budget(), from_role });
      const first = await agent.post('/tasks/route', named('finance'), headers);
      expect(first.status).toBe(202);
      const other = await agent.post('/tasks/route', named('legal'), headers);
      expectProblem(other, 422, 'idempotency.payload_mismatch');
    });
  });

  describe('a used key with another token', () => {
    it('401 with an expired, a missing or a forged token', async () => {
      const [sub, headers] = [newSubject('finance'), keyHeader()];
      const first = await caller(mesh, 'finance', sub).post('/tasks/route', budget(), headers);
      const claims = { roles: ['finance'], sub };
      const tokens = [
        developmentToken(TEST_SECRET, { ...claims, expiresInSeconds: -61 }),
        developmentToken(`not ${TEST_SECRET}`, claims),
        undefined,
      ];
      for (const token of tokens) {
        const retry = await new Client(mesh.url, token).post('/tasks/route', budget(), headers);
        expect([retry.status, isReplay(retry)]).toEqual([401, false]);
        expect(retry.text).not.toContain(String(first.body.task_id));
      }
      const renewed = new Client(mesh.url, tokenFor('finance', sub));
      expectReplay(await renewed.post('/tasks/route', budget(), headers), first);
    });

    it.each<[string, string[], string[]]>([
      ['gained a role', ['finance'], ['finance', 'legal']],
      ['changed its default', ['finance', 'legal'], ['legal', 'finance']],
      ['lost another role', ['finance', 'legal'], ['finance']],
    ])('replays when the token has %s, also concurrently', async (_case, had, has) => {
      const [sub, headers] = [newSubject('agent'), keyHeader()];
      const [before, after] = [caller(mesh, had, sub), caller(mesh, has, sub)];
      const first = await before.post('/tasks/route', budget(), headers);
      expect(first.status).toBe(202);
      expectReplay(
        await expectNoEffect(mesh, () => after.post('/tasks/route', budget(), headers)),
        first,
      );
      const again = keyHeader();
      const answers = await Promise.all(
        [before, after, before, after].map((agent) => agent.post('/tasks/route', budget(), again)),
      );
      const made = answers.filter(({ status }) => status !== 409);
      expect(made.filter(({ status }) => status === 202)).toHaveLength(1);
      expect(new Set(made.map(({ text }) => text)).size).toBe(1);
    });

    it('replays when the token has lost its default role', async () => {
      const [sub, headers] = [newSubject('agent'), keyHeader()];
      const first = await caller(mesh, 'finance', sub).post('/tasks/route', budget(), headers);
      const after = callerWithoutDefault(mesh, ['legal', 'finance'], sub);
      expectReplay(
        await expectNoEffect(mesh, () => after.post('/tasks/route', budget(), headers)),
        first,
      );
    });

    it('neither replays nor runs when the token has another role instead', async () => {
      const [sub, headers] = [newSubject('agent'), keyHeader()];
      const first = await caller(mesh, 'finance', sub).post('/tasks/route', budget(), headers);
      expect(first.status).toBe(202);
      const other = await expectNoEffect(mesh, () =>
        caller(mesh, 'legal', sub).post('/tasks/route', budget(), headers),
      );
      expectProblem(other, 403, 'auth.role_not_held');
    });

    const asFinance = { ...budget(), from_role: 'finance' };

    it.each<[string, (app: TestApp, roles: string[], sub: string) => Client, string[], string[]]>([
      ['its only role', caller, ['finance'], ['legal']],
      ['a role beside its default', caller, ['legal', 'finance'], ['legal']],
      ['one of many', callerWithoutDefault, ['hr', 'legal', 'finance'], ['hr', 'legal']],
    ])('does not replay once the caller has lost %s', async (_case, connect, had, has) => {
      const [sub, headers] = [newSubject('agent'), keyHeader()];
      const first = await connect(mesh, had, sub).post('/tasks/route', asFinance, headers);
      expect(first.status).toBe(202);
      const retry = await expectNoEffect(mesh, () =>
        connect(mesh, has, sub).post('/tasks/route', asFinance, headers),
      );
      expectProblem(retry, 403, 'auth.role_not_held');
      expect(retry.text).not.toContain(String(first.body.task_id));
      const regained = await connect(mesh, had, sub).post('/tasks/route', asFinance, headers);
      expectReplay(regained, first);
    });
  });
});

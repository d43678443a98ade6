import { hash, randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { type Answer } from '../../support/client.js';
import {
  budget,
  caller,
  describeWithEachRedis,
  expectReplay,
  isReplay,
  keyHeader,
  expectNoEffect,
} from '../../support/idempotency.js';
import { withClient } from '../../support/catalog.js';
import { type ClaimedBody, endLease, type SessionBody, Team } from '../../support/work.js';
import { useApp, useSharedApp } from '../../support/kit.js';

describeWithEachRedis('replays with the current state, with %s', (_, redis) => {
  const mesh = useApp(redis);
  let team: Team;

  beforeAll(() => {
    team = new Team(mesh);
  });

  it('POST /sessions/:id/heartbeat runs each time, and returns the current lease', async () => {
    const worker = team.worker();
    await team.route();
    const { session } = await team.claim(worker);
    const headers = keyHeader();
    const beat = () =>
      worker.post<SessionBody>(
        `/sessions/${session.id}/heartbeat`,
        { lease_seconds: 600 },
        headers,
      );
    const first = await beat();
    expect(first.status).toBe(200);
    await endLease(mesh, session.id);
    const second = await beat();
    expect([second.status, isReplay(second)]).toEqual([200, false]);
    expect(second.headers.get('idempotency-key')).toBe(headers['Idempotency-Key']);
    expect(Date.parse(second.body.lease_expires_at ?? '')).toBeGreaterThan(Date.now());
    await worker.put(`/sessions/${session.id}`, { status: 'completed' });
    expect((await beat()).status).toBe(409);
    const wrong = await worker.post(`/sessions/${session.id}/heartbeat`, {}, keyHeader('a b'));
    expect(wrong.status).toBe(400);
  });

  it.each(['the next task', 'one task'])('claim of %s returns the current state', async (which) => {
    const worker = team.worker();
    const id = await team.route();
    const path = which === 'one task' ? `/tasks/${id}/claim` : '/tasks/claim';
    const headers = keyHeader();
    const send = () => worker.post<ClaimedBody>(path, {}, headers);
    const first = await send();
    expect(first.status).toBe(200);
    expect(first.body).not.toHaveProperty('replayed');
    const held = await expectNoEffect(mesh, send);
    expect(held.body).toEqual({ ...first.body, replayed: true });
    const { id: session } = first.body.session;
    const beat = await worker.post<SessionBody>(`/sessions/${session}/heartbeat`, {
      lease_seconds: 900,
    });
    const extended = await send();
    expect(extended.body.session.lease_expires_at).toBe(beat.body.lease_expires_at);
    await worker.post('/approvals', { task_id: id, approver_role: newSubject('approver') });
    expect((await send()).body).toMatchObject({
      limits: { result_bytes: 1_000_000 },
      approvals: [{ status: 'pending' }],
    });
    await worker.put(`/sessions/${session}`, { status: 'failed', error: 'no' });
    const over = await expectNoEffect(mesh, send);
    expect(isReplay(over)).toBe(true);
    expect(over.body).toMatchObject({
      replayed: true,
      task: { id, status: 'failed' },
      session: {
        id: session,
        status: 'failed',
        ended_reason: 'worker',
        claimed_by: first.body.session.claimed_by,
      },
    });
  });

  it('POST /tasks/:id/cancel and /retry return the current state when it differs, otherwise the first response', async () => {
    const id = await team.route();
    const headers = keyHeader();
    const cancel = () => team.requester.post(`/tasks/${id}/cancel`, {}, headers);
    const retry = () => team.requester.post(`/tasks/${id}/retry`, {}, headers);
    const cancelled = await cancel();
    expect(cancelled.body).toMatchObject({ status: 'cancelled' });
    expectReplay(await cancel(), cancelled);
    const retried = await retry();
    expect(retried.body).toMatchObject({ status: 'pending', attempt: 2 });
    expectReplay(await retry(), retried);
    expect((await cancel()).body).toMatchObject({ status: 'pending', replayed: true });
    await team.claim();
    expect((await retry()).body).toMatchObject({ status: 'active', replayed: true });
  });

  it('POST /approvals/:id/decision returns a later decision', async () => {
    const approver = newSubject('approver');
    const id = await team.route();
    const asked = await team.requester.post('/approvals', {
      task_id: id,
      approver_role: approver,
      decision: 'pending',
      quorum: 2,
    });
    const path = `/approvals/${String(asked.body.approval_id)}/decision`;
    const [one, two] = [team.agent(approver), team.agent(approver)];
    const headers = keyHeader();
    const vote = (): Promise<Answer> => one.post(path, { decision: 'approved' }, headers);
    const first = await vote();
    expect(first.body).toMatchObject({ status: 'pending' });
    expectReplay(await vote(), first);
    expect((await two.post(path, { decision: 'approved' })).status).toBe(200);
    expect((await vote()).body).toMatchObject({ status: 'approved', replayed: true });
  });
});

describe('records of the previous version', () => {
  const mesh = useSharedApp();

  const scopeOf = (subject: string, role: string, key: string): Buffer =>
    hash('sha256', JSON.stringify([subject, role, 'POST', '/tasks/route', key]), 'buffer');

  it.each([
    ['the role is the default still', ['finance']],
    ['the default is another one', ['legal', 'finance']],
  ])('are found where %s', async (_case, has) => {
    const [sub, key] = [newSubject('agent'), randomUUID()];
    const first = await caller(mesh, 'finance', sub).post('/tasks/route', budget(), keyHeader(key));
    await mesh.query('UPDATE idempotency_records SET scope = $1 WHERE key = $2', [
      scopeOf(`agent-mesh-dev#${sub}`, 'finance', key),
      key,
    ]);
    const retry = await expectNoEffect(mesh, () =>
      caller(mesh, has, sub).post('/tasks/route', budget(), keyHeader(key)),
    );
    expectReplay(retry, first);
  });

  it('are stored under the scope of the previous version, which waits for their lock', async () => {
    const [sub, key] = [newSubject('agent'), randomUUID()];
    const scope = scopeOf(`agent-mesh-dev#${sub}`, 'finance', key);
    const agent = caller(mesh, 'finance', sub);
    await withClient(mesh.databaseUrl, async (client) => {
      await client.query('BEGIN');
      await client.query('SELECT pg_advisory_xact_lock($1)', [scope.readBigInt64BE().toString()]);
      const busy = await agent.post('/tasks/route', budget(), keyHeader(key));
      expect(busy).toMatchObject({ status: 409, body: { code: 'idempotency.in_progress' } });
      await client.query('ROLLBACK');
    });
    expect((await agent.post('/tasks/route', budget(), keyHeader(key))).status).toBe(202);
    const rows = await mesh.query('SELECT 1 FROM idempotency_records WHERE scope = $1', [scope]);
    expect(rows).toHaveLength(1);
  });
});

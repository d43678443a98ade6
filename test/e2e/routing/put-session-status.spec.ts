import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import type { SessionBody } from '../../support/work.js';
import { useSharedApp, expectProblem, actorOf, routeTask } from '../../support/kit.js';
import { sessionInStatus, sessionEvents, createSession } from '../../support/sessions.js';

const STATUSES = ['pending', 'active', 'completed', 'failed', 'expired'] as const;

type Status = (typeof STATUSES)[number];

/** The lifecycle as the contract has it, written out again on purpose. */
const ALLOWED: Record<Status, readonly Status[]> = {
  pending: ['active', 'expired'],
  active: ['completed', 'failed', 'expired'],
  completed: [],
  failed: [],
  expired: [],
};

describe('PUT /sessions/:id with a status', () => {
  const mesh = useSharedApp();

  for (const from of STATUSES) {
    for (const to of STATUSES.filter((status) => ALLOWED[from].includes(status))) {
      it(`${from} to ${to}: increments the version and records one event`, async () => {
        const role = newSubject('worker');
        const client = mesh.agent(role);
        const before = await sessionInStatus(from, client, role);
        const events = (await sessionEvents(mesh, before.id)).length;
        const answer = await client.put(`/sessions/${before.id}`, { status: to });
        expect(answer.status).toBe(200);
        expect(answer.body).toMatchObject({
          status: to,
          state: to,
          version: before.version + 1,
          ended_reason: to === 'active' ? null : to === 'completed' ? 'completed' : 'worker',
        });
        expect(answer.headers.get('etag')).toBe(`"${before.id}.${before.version + 1}"`);
        const after = await sessionEvents(mesh, before.id);
        expect(after.slice(events)).toMatchObject([
          { event_type: 'session_transitioned', role, metadata: { from, to } },
        ]);
      });
    }
    for (const to of STATUSES.filter((status) => !ALLOWED[from].includes(status))) {
      const isNoOp = from === to && ALLOWED[from].length > 0;
      it(`${from} to ${to}: ${isNoOp ? '200 without a change' : '409'}`, async () => {
        const role = newSubject('worker');
        const client = mesh.agent(role);
        const before = await sessionInStatus(from, client, role);
        const events = await sessionEvents(mesh, before.id);
        const answer = await client.put(`/sessions/${before.id}`, { status: to });
        if (isNoOp) expect(answer.status).toBe(200);
        else {
          expectProblem(answer, 409, 'lifecycle.invalid_transition');
          expect(answer.body.detail).toBe(`Invalid transition from ${from} to ${to}`);
        }
        expect((await client.get(`/sessions/${before.id}`)).body).toEqual(before);
        expect(await sessionEvents(mesh, before.id)).toEqual(events);
      });
    }
  }

  it('accepts state as the deprecated name of status, 400 when they differ', async () => {
    const client = mesh.agent('manager');
    const { id } = await createSession(client, 'manager');
    const differing = await client.put(`/sessions/${id}`, { status: 'active', state: 'failed' });
    expectProblem(differing, 400, 'request.invalid');
    const answer = await client.put(`/sessions/${id}`, { state: 'active' });
    expect(answer.body).toMatchObject({ status: 'active', version: 2 });
  });

  it('claims the session for the agent that activates it, 409 for another agent', async () => {
    const [role, first] = [newSubject('worker'), newSubject('first')];
    const { id } = await createSession(mesh.agent(role), role);
    const answer = await mesh.agent(role, first).put(`/sessions/${id}`, { status: 'active' });
    expect(answer.body.claimed_by).toBe(actorOf(first));
    const second = await mesh.agent(role).put(`/sessions/${id}`, { status: 'active' });
    expectProblem(second, 409, 'session.claimed');
    expect(second.body.detail).toContain(actorOf(first));
    expect((await mesh.agent(role).get(`/sessions/${id}`)).body).toMatchObject({ version: 2 });
  });

  it.each(['completed', 'failed', 'expired'])(
    'to %s: 200 for the agent that claimed the session and for admins, 409 for another agent of the role',
    async (status) => {
      const [role, holder] = [newSubject('worker'), newSubject('holder')];
      const sessions = [
        await createSession(mesh.agent(role), role),
        await createSession(mesh.agent(role), role),
      ];
      for (const { id } of sessions)
        await mesh.agent(role, holder).put(`/sessions/${id}`, { status: 'active' });
      const [mine, stuck] = sessions.map(({ id }) => `/sessions/${id}`);
      const refused = await mesh.agent(role).put(mine ?? '', { status });
      expectProblem(refused, 409, 'session.claimed');
      expect(refused.body.detail).toContain(actorOf(holder));
      expect((await mesh.agent(role, holder).put(mine ?? '', { status })).status).toBe(200);
      const byAdmin = await mesh.agent('admin').put(stuck ?? '', { status });
      expect(byAdmin.body).toMatchObject({ status, claimed_by: actorOf(holder) });
    },
  );

  it('records the role admin in the audit event when an admin changes the status', async () => {
    const [role, sub] = [newSubject('worker'), newSubject('admin')];
    const { id } = await createSession(mesh.agent(role), role);
    await mesh.agent('admin', sub).put(`/sessions/${id}`, { status: 'active' });
    expect((await sessionEvents(mesh, id)).at(-1)).toMatchObject({
      role: 'admin',
      actor: actorOf(sub),
    });
  });

  it('403 for an auditor and a participant of the task, 404 for an unrelated caller and a missing session', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const task = await routeTask(mesh, from, to);
    const { body } = await mesh.agent(to).get<SessionBody>(`/sessions/${task}`);
    const write = (role: string) =>
      mesh.agent(role).put(`/sessions/${body.id}`, { status: 'active' });
    expectProblem(await write('auditor'), 403, 'auth.forbidden');
    expectProblem(await write(from), 403, 'auth.forbidden');
    expectProblem(await write(newSubject('stranger')), 404, 'session.not_found');
    const missing = await mesh.agent(to).put(`/sessions/${randomUUID()}`, { status: 'active' });
    expectProblem(missing, 404, 'session.not_found');
    expect(await sessionEvents(mesh, body.id)).toHaveLength(1);
  });

  it('409 with the id of a task, 404 when the caller may not see the task', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const task = await routeTask(mesh, from, to);
    for (const path of ['', '/events']) {
      const body = path === '' ? { status: 'active' } : { event: 'activate' };
      for (const id of [task, task.slice(5)]) {
        const answer = await mesh.agent(to).put(`/sessions/${id}${path}`, body);
        expectProblem(answer, 409, 'session.id_required');
      }
      const hidden = await mesh
        .agent(newSubject('stranger'))
        .put(`/sessions/${task.slice(5)}${path}`, body);
      expectProblem(hidden, 404, 'session.not_found');
    }
  });

  it('400 when a result comes without completed, or an error without failed', async () => {
    const client = mesh.agent('manager');
    const { id } = await createSession(client, 'manager');
    await client.put(`/sessions/${id}`, { status: 'active' });
    for (const body of [
      { result: { a: 1 } },
      { status: 'failed', result: { a: 1 } },
      { error: 'broken' },
      { status: 'completed', error: 'broken' },
      { status: 'completed', result: [1] },
      { status: 'completed', result: 'done' },
    ]) {
      expectProblem(await client.put(`/sessions/${id}`, body), 400, 'request.invalid');
    }
    const failed = await client.put(`/sessions/${id}`, { status: 'failed', error: 'No funds' });
    expect(failed.body).toMatchObject({ status: 'failed', error: 'No funds', result: null });
  });

  it('changes status, metadata and result in one version', async () => {
    const client = mesh.agent('manager');
    const { id } = await createSession(client, 'manager');
    await client.put(`/sessions/${id}`, { status: 'active' });
    const done = await client.put(`/sessions/${id}`, {
      status: 'completed',
      metadata: { step: 'end' },
      result: { amount: 1 },
    });
    expect(done.body).toMatchObject({
      version: 3,
      metadata: { step: 'end' },
      result: { amount: 1 },
    });
    expect(await sessionEvents(mesh, id)).toHaveLength(3);
  });
});

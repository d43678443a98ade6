import { describe, expect, it } from '@jest/globals';
import { SYSTEM } from '../../../src/auth/actor.js';
import { TransactionsService } from '../../../src/database/transactions.service.js';
import { LifecycleService } from '../../../src/lifecycle/lifecycle.service.js';
import type { Session } from '../../../src/sessions/session.entity.js';
import { newSubject } from '../../support/app.js';
import { type SessionBody } from '../../support/work.js';
import { useSharedApp, statusesOf, routeTask, times } from '../../support/kit.js';
import { createSession, sessionEvents, sessionInStatus } from '../../support/sessions.js';

describe('sessions under concurrent requests', () => {
  const mesh = useSharedApp();

  it.each(['change', 'changeWithCommit'] as const)(
    'LifecycleService.%s rejects a row that has changed, and records no event',
    async (way) => {
      const client = mesh.agent('finance');
      const { id } = await createSession(client, 'finance');
      const [row] = await mesh.query<Session>(`SELECT * FROM sessions WHERE id = $1`, [id]);
      if (!row) throw new Error('it is stored');
      await client.put(`/sessions/${id}`, { metadata: { moved: 'on' } });
      const told = () => mesh.query(`SELECT id FROM audit_events WHERE session_id = $1`, [id]);
      const before = await told();

      let tries = 0;
      const changed = mesh.app.get(TransactionsService).run((manager) => {
        tries += 1;
        return mesh.app.get(LifecycleService)[way](manager, row, { status: 'active' }, SYSTEM);
      });

      // A check that reads the row again sees its current state; this reader never does.
      await expect(changed).rejects.toMatchObject({ code: 'database.unavailable' });
      expect(tries).toBe(3);
      expect(await told()).toEqual(before);
      expect((await client.get<SessionBody>(`/sessions/${id}`)).body.status).toBe('pending');
    },
  );

  it('PUT /sessions/:id and /events: one of 20 agents claims the session, 409 for the others', async () => {
    const role = newSubject('worker');
    const { id } = await createSession(mesh.agent(role), role);
    const answers = await Promise.all(
      times(20, (index) =>
        index % 2 === 0
          ? mesh.agent(role).put(`/sessions/${id}`, { status: 'active' })
          : mesh.agent(role).put(`/sessions/${id}/events`, { event: 'activate' }),
      ),
    );
    expect(statusesOf(answers)).toEqual([200, ...times(19, () => 409)]);
    const winner = answers.find(({ status }) => status === 200)?.body.claimed_by;
    for (const { body } of answers.filter(({ status }) => status === 409))
      expect(body).toMatchObject({
        code: 'session.claimed',
        detail: expect.stringContaining(String(winner)),
      });
    expect((await mesh.agent(role).get(`/sessions/${id}`)).body).toMatchObject({
      claimed_by: winner,
      version: 2,
    });
    expect(await sessionEvents(mesh, id)).toHaveLength(2);
  });

  it('PUT /sessions/:id/events: one of 20 requests ends the session, 409 for the others', async () => {
    const role = newSubject('worker');
    const client = mesh.agent(role);
    const { id } = await sessionInStatus('active', client, role);
    const answers = await Promise.all(
      times(20, (index) =>
        client.put(`/sessions/${id}/events`, { event: index % 2 === 0 ? 'complete' : 'fail' }),
      ),
    );
    expect(statusesOf(answers)).toEqual([200, ...times(19, () => 409)]);
    const ended = answers.find(({ status }) => status === 200)?.body.status;
    for (const { body } of answers.filter(({ status }) => status === 409))
      expect(body.detail).toMatch(new RegExp(`^Invalid transition from ${String(ended)} to `));
    expect((await client.get(`/sessions/${id}`)).body).toMatchObject({
      status: ended,
      version: 3,
    });
    expect(await sessionEvents(mesh, id)).toHaveLength(3);
  });

  it('PUT /sessions/:id with If-Match: one of 10 writers changes each version, 412 for the others', async () => {
    const role = newSubject('worker');
    const client = mesh.agent(role);
    const { id } = await createSession(client, role);
    for (let version = 1; version <= 4; version++) {
      const answers = await Promise.all(
        times(10, (writer) =>
          client.put(
            `/sessions/${id}`,
            { metadata: { version, writer } },
            { 'if-match': `"${id}.${version}"` },
          ),
        ),
      );
      expect(statusesOf(answers)).toEqual([200, ...times(9, () => 412)]);
      const winner = answers.find(({ status }) => status === 200)?.body;
      expect((await client.get(`/sessions/${id}`)).body).toEqual(winner);
    }
    expect(await sessionEvents(mesh, id)).toHaveLength(5);
  });

  it('PUT /sessions/:id without If-Match: 20 changes make 20 versions and 20 events', async () => {
    const role = newSubject('worker');
    const client = mesh.agent(role);
    const { id } = await createSession(client, role);
    const answers = await Promise.all(
      times(20, (writer) => client.put<SessionBody>(`/sessions/${id}`, { metadata: { writer } })),
    );
    const versions = answers.map(({ body }) => body.version).sort((a, b) => a - b);
    expect(versions).toEqual(Array.from({ length: 20 }, (_, index) => index + 2));
    expect(await sessionEvents(mesh, id)).toHaveLength(21);
  });

  it('PUT /sessions/:id with a task: one of six tasks is set, 409 for the others', async () => {
    const role = newSubject('worker');
    const client = mesh.agent(role);
    const { id } = await createSession(client, role);
    const tasks = await Promise.all(times(6, () => routeTask(mesh, role, newSubject('to'))));
    const answers = await Promise.all(
      tasks.map((task_id) => client.put(`/sessions/${id}`, { task_id })),
    );
    expect(statusesOf(answers)).toEqual([200, ...times(5, () => 409)]);
    expect(await sessionEvents(mesh, id)).toHaveLength(2);
  });

  it('POST /sessions and PUT /sessions/:id: adopting an attempt never takes it from the agent that claimed it', async () => {
    const to = newSubject('to');
    const task_id = await routeTask(mesh, newSubject('from'), to);
    const { body } = await mesh.agent(to).get<SessionBody>(`/sessions/${task_id}`);
    const [activated, ...adopted] = await Promise.all([
      mesh.agent(to).put(`/sessions/${body.id}`, { status: 'active' }),
      ...times(9, () => mesh.agent(to).post('/sessions', { role: to, task_id })),
    ]);
    expect(activated.status).toBe(200);
    expect(adopted.every(({ status }) => status === 201 || status === 409)).toBe(true);
    const made = adopted.filter(({ status }) => status === 201).length;
    expect((await mesh.agent(to).get(`/sessions/${body.id}`)).body).toMatchObject({
      status: 'active',
      claimed_by: activated.body.claimed_by,
      version: 2 + made,
    });
    expect(await sessionEvents(mesh, body.id)).toHaveLength(2 + made);
  });
});

import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { useSharedApp, expectProblem, routeTask } from '../../support/kit.js';
import { createSession, sessionEvents, sessionInStatus } from '../../support/sessions.js';

describe('PUT /sessions/:id', () => {
  const mesh = useSharedApp();

  it('replaces the metadata as a whole, for any agent of the role', async () => {
    const role = newSubject('worker');
    const { id } = await createSession(mesh.agent(role), role, { metadata: { a: 1, b: 2 } });
    const answer = await mesh.agent(role).put(`/sessions/${id}`, { metadata: { c: 3 } });
    expect(answer.body).toMatchObject({ metadata: { c: 3 }, version: 2, status: 'pending' });
    expect(answer.body.metadata).toEqual({ c: 3 });
    expect((await sessionEvents(mesh, id)).slice(1)).toMatchObject([
      { event_type: 'session_updated', metadata: { changed: ['metadata'], version: 2 } },
    ]);
  });

  it.each<object>([
    {},
    { metadata: [] },
    { metadata: 'x' },
    { metadata: 1 },
    { status: 'done' },
    { status: 7 },
    { task_id: 'x' },
    { role: 'legal' },
    { version: 9 },
    { toString: 'x' },
  ])('400 with %j', async (body) => {
    const client = mesh.agent('manager');
    const { id } = await createSession(client, 'manager');
    expectProblem(await client.put(`/sessions/${id}`, body), 400, 'request.invalid');
    expect(await sessionEvents(mesh, id)).toHaveLength(1);
  });

  it('sets the task once, 409 for another task', async () => {
    const from = newSubject('from');
    const [task, other] = [
      await routeTask(mesh, from, newSubject('to')),
      await routeTask(mesh, from, 'legal'),
    ];
    const client = mesh.agent(from);
    const { id } = await createSession(client, from);
    const joined = await client.put(`/sessions/${id}`, { task_id: task });
    expect(joined.body).toMatchObject({ task_id: task.slice(5), attempt: null, version: 2 });
    expect((await sessionEvents(mesh, id)).at(-1)).toMatchObject({
      event_type: 'session_updated',
      metadata: { changed: ['task_id'] },
    });
    const same = await client.put(`/sessions/${id}`, { task_id: task });
    expect(same.body).toMatchObject({ version: 2 });
    const moved = await client.put(`/sessions/${id}`, { task_id: other });
    expectProblem(moved, 409, 'session.task_set');
    expect((await client.get(`/sessions/${task}`)).body).toMatchObject({ status: 'pending' });
  });

  it('404 when the task is missing or the role does not participate in it', async () => {
    const client = mesh.agent('manager');
    const { id } = await createSession(client, 'manager');
    const foreign = await routeTask(mesh, newSubject('from'), newSubject('to'));
    for (const task_id of [foreign, randomUUID()]) {
      const answer = await client.put(`/sessions/${id}`, { task_id });
      expectProblem(answer, 404, 'task.not_found');
    }
  });

  it('412 when If-Match does not name the current version', async () => {
    const client = mesh.agent('manager');
    const { id } = await createSession(client, 'manager');
    const put = (tag: string, step: number) =>
      client.put(`/sessions/${id}`, { metadata: { step } }, { 'if-match': tag });
    for (const tag of [`"${id}.2"`, `W/"${id}.1"`, `${id}.1`, '"x"', `"${randomUUID()}.1"`]) {
      const answer = await put(tag, 0);
      expectProblem(answer, 412, 'session.version_mismatch');
      expect(answer.headers.get('etag')).toBe(`"${id}.1"`);
    }
    expect((await put(`"${id}.1"`, 1)).headers.get('etag')).toBe(`"${id}.2"`);
    expect((await put(`"other.1", "${id}.2"`, 2)).status).toBe(200);
    expect((await put('*', 3)).body).toMatchObject({ version: 4, metadata: { step: 3 } });
  });

  it('404 without an ETag for an unrelated caller', async () => {
    const { id } = await createSession(mesh.agent('manager'), 'manager');
    const answer = await mesh
      .agent(newSubject('stranger'))
      .put(`/sessions/${id}`, { metadata: {} }, { 'if-match': '"x"' });
    expectProblem(answer, 404, 'session.not_found');
    expect(answer.headers.get('etag')).toBeNull();
  });

  it.each(['completed', 'failed', 'expired'] as const)(
    '409 once the session has %s',
    async (status) => {
      const role = newSubject('worker');
      const client = mesh.agent(role);
      const task = await routeTask(mesh, role, newSubject('to'));
      const before = await sessionInStatus(status, client, role);
      for (const writer of [client, mesh.agent('admin')]) {
        for (const body of [{ metadata: { late: true } }, { task_id: task }]) {
          const answer = await writer.put(`/sessions/${before.id}`, body);
          expectProblem(answer, 409, 'session.ended');
        }
      }
      expect((await client.get(`/sessions/${before.id}`)).body).toEqual(before);
    },
  );
});

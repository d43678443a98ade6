import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import type { SessionBody } from '../../support/work.js';
import { useSharedApp, routeTask, expectProblem } from '../../support/kit.js';
import { createSession } from '../../support/sessions.js';

/** With `If-None-Match` fetch asks caches not to answer, by a header that asks us for the whole answer too. */
async function getUnlessMatch(url: string, token: string, tag: string) {
  const call = request(url, {
    headers: { authorization: `Bearer ${token}`, 'if-none-match': tag },
  });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return { status: response.statusCode, etag: response.headers.etag, text: await text(response) };
}

describe('GET /sessions/:id', () => {
  const mesh = useSharedApp();

  it('accepts the id of the session or of its task: bare, prefixed or in capitals', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const task = await routeTask(mesh, from, to);
    const { body } = await mesh.agent(to).get<SessionBody>(`/sessions/${task}`);
    const bareTask = task.slice('task-'.length);
    for (const id of [body.id, `session-${body.id}`, body.id.toUpperCase(), task, bareTask]) {
      for (const role of [from, to]) {
        const answer = await mesh.agent(role).get<SessionBody>(`/sessions/${id}`);
        expect(answer.status).toBe(200);
        expect(answer.body.id).toBe(body.id);
        expect(answer.headers.get('etag')).toBe(`"${body.id}.1"`);
      }
    }
  });

  it('404 with the same detail when the session is missing and when the caller may not see it', async () => {
    const mine = await createSession(mesh.agent('manager'), 'manager');
    const task = await routeTask(mesh, newSubject('from'), newSubject('to'));
    const stranger = mesh.agent(newSubject('stranger'));
    const details = new Set<unknown>();
    for (const id of [mine.id, task, task.slice(5), randomUUID(), `task-${randomUUID()}`]) {
      const answer = await stranger.get(`/sessions/${id}`);
      expectProblem(answer, 404, 'session.not_found');
      details.add(answer.body.detail);
    }
    expect(details.size).toBe(1);
  });

  it('400 or 404 when the prefix names another resource', async () => {
    const reader = mesh.agent('manager');
    const session = await createSession(reader, 'manager');
    expectProblem(await reader.get(`/sessions/task-${session.id}`), 404, 'session.not_found');
    expectProblem(await reader.get(`/sessions/approval-${session.id}`), 400, 'request.invalid');
  });

  it('304 when If-None-Match names the current version, 200 once it has changed', async () => {
    const reader = mesh.agent('manager');
    const { id } = await createSession(reader, 'manager');
    const tag = `"${id}.1"`;
    const get = () => getUnlessMatch(`${mesh.url}/sessions/${id}`, tokenFor('manager'), tag);
    expect(await get()).toEqual({ status: 304, etag: tag, text: '' });
    await reader.put(`/sessions/${id}`, { status: 'active' });
    expect(await get()).toMatchObject({ status: 200, etag: `"${id}.2"` });
  });
});

import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { developmentToken } from '../../../src/auth/development-token.js';
import { newSubject, TEST_SECRET } from '../../support/app.js';
import { Client } from '../../support/client.js';
import type { TaskBody } from '../../support/work.js';
import { routedTask, TASK } from '../../support/tasks.js';
import { useSharedApp, expectProblem } from '../../support/kit.js';

describe('GET /tasks/:id', () => {
  const mesh = useSharedApp();

  it('accepts the id bare, prefixed or in capitals', async () => {
    const from = newSubject('from');
    const { id } = await routedTask(mesh, { task: TASK }, from);
    for (const form of [id, `task-${id}`, id.toUpperCase()])
      expect((await mesh.agent(from).get<TaskBody>(`/tasks/${form}`)).body.id).toBe(id);
  });

  it('404 with the same detail when the task is missing and when the caller may not see it', async () => {
    const { id } = await routedTask(mesh, { target: newSubject('to'), task: TASK });
    const stranger = mesh.agent(newSubject('stranger'));
    const foreign = await stranger.get(`/tasks/${id}`);
    const missing = await stranger.get(`/tasks/${randomUUID()}`);
    expectProblem(foreign, 404, 'task.not_found');
    expectProblem(missing, 404, 'task.not_found');
    expect(foreign.body.detail).toBe(missing.body.detail);
  });

  it.each(['nonsense', `session-${randomUUID()}`, `task-task-${randomUUID()}`, '%00', '1'])(
    '400 with the id %s',
    async (id) => {
      expectProblem(await mesh.agent('finance').get(`/tasks/${id}`), 400, 'request.invalid');
    },
  );

  it('200 for an agent of another issuer that holds the role', async () => {
    const from = newSubject('from');
    const { id } = await routedTask(mesh, { task: TASK }, from);
    const other = developmentToken(TEST_SECRET, { roles: [from], issuer: 'another' });
    expect((await new Client(mesh.url, other).get(`/tasks/${id}`)).status).toBe(200);
  });
});

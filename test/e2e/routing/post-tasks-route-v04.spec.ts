import { describe, expect, it } from '@jest/globals';
import { routedTask, TASK } from '../../support/tasks.js';
import { useSharedApp } from '../../support/kit.js';

describe('POST /tasks/route with a body of v0.4', () => {
  const mesh = useSharedApp();

  it.each([
    [{ type: 'budget', amount: 1 }, 'budget', '', { amount: 1 }],
    [{ task_type: 'budget', amount: 1, to: { x: [] } }, 'budget', '', { amount: 1, to: { x: [] } }],
    [{ type: 'a', task_type: 'a' }, 'a', '', {}],
    [{ type: 'a', description: 'd', data: { x: 1 }, y: 2 }, 'a', 'd', { x: 1, y: 2 }],
    [{ type: 'a', y: null }, 'a', '', { y: null }],
    [{ type: 'a', data: null, description: null, task_type: null }, 'a', '', {}],
    [{ type: 'a', toString: 1, valueOf: 2 }, 'a', '', { toString: 1, valueOf: 2 }],
    [{ task_type: 'a', data: { type: 'inner' } }, 'a', '', { type: 'inner' }],
  ])('accepts the task %j', async (task, task_type, description, data) => {
    expect(await routedTask(mesh, { task })).toMatchObject({ task_type, description });
    expect((await routedTask(mesh, { task })).data).toEqual(data);
  });

  it('accepts a missing context and null', async () => {
    expect((await routedTask(mesh, { task: TASK })).context).toEqual({});
    expect((await routedTask(mesh, { task: TASK, context: null })).context).toEqual({});
  });

  it.each([
    [{ amount: 1 }, '/task/task_type'],
    [{ type: 'a', task_type: 'b' }, '/type'],
    [{ type: 7 }, '/task/task_type'],
    [{ type: 'a', data: [1], amount: 1 }, '/task/data'],
    [{ type: 'a', data: 'x' }, '/task/data'],
    [{ type: 'a', amount: 1, data: { amount: 2 } }, '/task/amount'],
    [{ type: 'a', amount: 1, data: { amount: 1 } }, '/task/amount'],
  ])('400 with the task %j', async (task, pointer) => {
    const answer = await mesh
      .agent('finance')
      .post<{ errors: { pointer: string }[] }>('/tasks/route', { target: 'manager', task });
    expect(answer.status).toBe(400);
    expect(answer.body.errors.map((problem) => problem.pointer)).toContain(pointer);
  });

  it('400 lists every member that is also in data', async () => {
    const answer = await mesh
      .agent('finance')
      .post<{ errors: { pointer: string }[] }>('/tasks/route', {
        target: 'manager',
        task: { type: 'a', x: 1, 'y/z': 1, data: { x: 1, 'y/z': 1 } },
      });
    expect(answer.body.errors.map(({ pointer }) => pointer)).toEqual(['/task/x', '/task/y~1z']);
  });
});

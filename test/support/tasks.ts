import { expect } from '@jest/globals';
import { newSubject, type TestApp } from './app.js';
import type { TaskBody } from './work.js';

export const TASK = { task_type: 'budget_approval', description: 'Q3', data: { amount: 50_000 } };

export interface RoutedTask {
  task_id: string;
  status: string;
  trace_id: string;
}

export interface TaskPage {
  tasks: TaskBody[];
  page_size: number;
  next_cursor: string | null;
}

/** Routes a task, to the role manager unless the body names another, and reads it as its requester. */
export async function routedTask(
  mesh: TestApp,
  body: object,
  from = newSubject('from'),
): Promise<TaskBody> {
  const client = mesh.agent(from);
  const routed = await client.post<RoutedTask>('/tasks/route', {
    target: 'manager',
    ...body,
  });
  expect(routed).toMatchObject({ status: 202, body: { status: 'accepted' } });
  return (await client.get<TaskBody>(`/tasks/${routed.body.task_id}`)).body;
}

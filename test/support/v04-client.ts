import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import type { Client } from './client.js';
import type { RoutedTask } from './tasks.js';

// Clients of v0.4 are in use: these bodies must not change.

/** The headers that a client of v0.4 sends. */
export function v04Headers() {
  return { 'idempotency-key': randomUUID(), 'x-trace-id': randomUUID() };
}

/** Routes a task as a client of v0.4 does. */
export async function sendTask(
  client: Client,
  body: object,
  headers = v04Headers(),
): Promise<RoutedTask> {
  const answer = await client.post<RoutedTask>('/tasks/route', body, headers);
  expect(answer.status).toBe(202);
  expect(answer.body.task_id).toMatch(/^task-[0-9a-f-]+$/);
  expect(answer.body.status).toBe('accepted');
  return answer.body;
}

export function sendBudget(client: Client): Promise<RoutedTask> {
  return sendTask(client, { target: 'manager', task: { type: 'budget_approval' }, context: {} });
}

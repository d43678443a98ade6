/** The process of one worker: claims tasks, completes them and waits for more, until it is killed or the demo ends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Answer } from './answer.js';
import type { WorkOrder, WorkReport } from './work-order.js';

const WORK_MS = 800;

process.once('disconnect', () => process.exit());
process.once('message', (order) => {
  workOn(order as WorkOrder).catch((error: unknown) => {
    report({ event: 'failed', about: error instanceof Error ? error.message : '?', attempt: 0 });
  });
});
report({ event: 'ready', about: '', attempt: 0 });

async function workOn(order: WorkOrder): Promise<void> {
  const { task_type, lease_seconds } = order;
  for (;;) {
    const claim = { task_types: [task_type], lease_seconds };
    const { status, answer } = await ask(order, 'POST', '/tasks/claim', claim);
    if (status === 204) await ask(order, 'GET', `/tasks/wait?task_types=${task_type}`);
    else await finish(order, answer);
  }
}

async function finish(order: WorkOrder, claimed: Answer): Promise<void> {
  const session = `/sessions/${claimed.within('session').text('id')}`;
  const about = claimed.within('task').text('description');
  const attempt = Number(claimed.within('session').jsonOf('attempt'));
  report({ event: 'claimed', about, attempt });
  await sleep(WORK_MS / 2);
  await ask(order, 'POST', `${session}/heartbeat`, { lease_seconds: order.lease_seconds });
  await sleep(WORK_MS / 2);
  const result = { status: 'completed', result: { clauses: 7 } };
  const { status } = await ask(order, 'PUT', session, result);
  report({ event: status === 200 ? 'finished' : 'refused', about, attempt });
}

async function ask(
  { url, token }: WorkOrder,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; answer: Answer }> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status >= 500)
    throw new Error(`The response to ${method} ${path} is ${response.status}`);
  const json: unknown = text === '' ? undefined : JSON.parse(text);
  return { status: response.status, answer: new Answer(`${method} ${path}`, json) };
}

function report(message: WorkReport): void {
  process.send?.(message);
}

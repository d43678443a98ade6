import { randomUUID } from 'node:crypto';
import type { Answer } from './answer.js';
import type { DemoAgent } from './demo-agent.js';
import { DemoError } from './demo-error.js';

/** The agents of the demo. */
export interface Cast {
  finance: DemoAgent;
  manager: DemoAgent;
}

/** Finance routes a budget request to the manager. The manager's agent starts the task, approves it and completes it. */
export async function playBudgetApproval({ finance, manager }: Cast): Promise<void> {
  const { taskId, traceId } = await routeBudget(finance);
  const session = await findTask(manager, taskId);
  await readStatus(finance, taskId);
  await startTask(manager, session);
  await readStatus(finance, taskId);
  await requestApproval(finance, taskId);
  await approve(manager, taskId);
  await completeTask(manager, session);
  await readStatus(finance, taskId);
  await readAuditLog(finance, traceId);
  await leavePending(finance);
}

async function routeBudget(finance: DemoAgent): Promise<{ taskId: string; traceId: string }> {
  const key = randomUUID();
  const routed = await finance.takes({
    does: 'routes a budget request to the manager',
    method: 'POST',
    path: '/tasks/route',
    headers: { 'Idempotency-Key': key },
    body: {
      target: 'manager',
      task: {
        task_type: 'budget_approval',
        description: 'Approve the Q3 marketing budget',
        data: { amount: 50_000 },
      },
      context: {},
    },
    expect: 202,
    tell: (answer) => [
      `${answer.text('task_id')} ${answer.text('status')}`,
      `trace ${answer.text('trace_id')}, Idempotency-Key ${key}`,
    ],
  });
  return { taskId: routed.text('task_id'), traceId: routed.text('trace_id') };
}

/** Returns the path of the task's session, from the list of the manager's pending tasks. */
async function findTask(manager: DemoAgent, taskId: string): Promise<string> {
  const isOurs = (task: Answer): boolean => `task-${task.text('id')}` === taskId;
  const inbox = await manager.takes({
    does: 'lists pending tasks',
    method: 'GET',
    path: '/tasks?to_role=manager&status=pending',
    expect: 200,
    tell: (answer) =>
      answer
        .list('tasks')
        .filter(isOurs)
        .map(
          (task) =>
            `${task.text('task_type')} from ${task.text('from_role')}, ${task.jsonOf('data')}, ${task.text('status')}`,
        ),
  });
  const task = inbox.list('tasks').find(isOurs);
  if (!task) {
    throw new DemoError(`The response to ${inbox.request} does not contain the task just routed.`);
  }
  return `/sessions/${task.text('session_id')}`;
}

async function readStatus(finance: DemoAgent, taskId: string): Promise<void> {
  await finance.takes({
    does: 'reads the status',
    method: 'GET',
    path: `/sessions/${taskId}`,
    expect: 200,
    tell: (answer) => [`status ${answer.text('status')}, result ${answer.jsonOf('result')}`],
  });
}

async function startTask(manager: DemoAgent, session: string): Promise<void> {
  await manager.takes({
    does: 'starts the task',
    method: 'PUT',
    path: `${session}/events`,
    body: { event: 'activate' },
    expect: 200,
    tell: (answer) => [`status ${answer.text('status')}, claimed by ${answer.text('claimed_by')}`],
  });
}

async function requestApproval(finance: DemoAgent, taskId: string): Promise<void> {
  await finance.takes({
    does: 'requests an approval',
    method: 'POST',
    path: '/approvals',
    body: { task_id: taskId, approver_role: 'manager', reason: 'Over the limit of 10,000' },
    expect: 202,
    tell: (answer) => [`${answer.text('approval_id')} ${answer.text('status')}`],
  });
}

async function approve(manager: DemoAgent, taskId: string): Promise<void> {
  await manager.takes({
    does: 'approves',
    method: 'POST',
    path: '/approvals',
    body: { task_id: taskId, decision: 'approved', comments: 'Within this quarter’s budget' },
    expect: 202,
    tell: (answer) => [`${answer.text('approval_id')} ${answer.text('status')}`],
  });
}

async function completeTask(manager: DemoAgent, session: string): Promise<void> {
  await manager.takes({
    does: 'completes the task with a result',
    method: 'PUT',
    path: session,
    body: { status: 'completed', result: { approved_amount: 50_000 } },
    expect: 200,
    tell: (answer) => [`status ${answer.text('status')}, version ${answer.jsonOf('version')}`],
  });
}

async function readAuditLog(finance: DemoAgent, traceId: string): Promise<void> {
  await finance.takes({
    does: 'reads the audit log',
    method: 'GET',
    path: `/audit/events?trace_id=${traceId}`,
    expect: 200,
    tell: (answer) => answer.list('events').map(describeEvent),
  });
}

/** Requests an approval that a person can decide in the console. */
async function leavePending(finance: DemoAgent): Promise<void> {
  const { taskId } = await routeBudget(finance);
  await finance.takes({
    does: 'requests an approval, and leaves it to you',
    method: 'POST',
    path: '/approvals',
    body: {
      task_id: taskId,
      approver_role: 'manager',
      reason: 'The campaign starts on the first day of the quarter',
      payload: { amount: 50_000, currency: 'EUR', cost_center: 'CC-4711', campaign: 'Q3 launch' },
    },
    expect: 202,
    tell: (answer) => [
      `${answer.text('approval_id')} ${answer.text('status')}`,
      `decide it at ${finance.url}/console/approvals/${answer.text('approval_id')}, with the role manager`,
    ],
  });
}

function describeEvent(event: Answer): string {
  const time = event.text('timestamp').slice('2026-01-31T'.length, -1);
  const what = `${event.text('event_type')} by ${event.text('role')}`;
  const from = event.within('metadata').textIfAny('from');
  if (from === undefined) return `${time}  ${what}`;
  return `${time}  ${what}: ${from} -> ${event.within('metadata').text('to')}`;
}

import { readFileSync } from 'node:fs';
import { newSubject, type TestApp } from './app.js';
import { type ApprovalBody, Matter } from './approvals.js';
import { endPause, RETRYABLE_FAILURE, finish, type SessionBody, type TaskBody } from './work.js';

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();

export const DEADLINE_SECONDS = 86_400;
export const REQUIREMENT = { quorum: 2, expires_in_seconds: 7_200, approver_kind: 'human' };
export const ROUTED = { priority: 'high', max_attempts: 3, max_run_seconds: 3_600 };
export const RETRY_REASON = 'Once more';

/** A task with its attempts and approvals before and after it is tried again. */
export interface Inheritance {
  before: TaskBody;
  after: TaskBody;
  /** `attempts_left` of each attempt. */
  attemptsLeft: number[];
  /** Whether the attempt after could be claimed at once. */
  isDue: boolean;
  /** That attempt as it was claimed, at once or when it was due. */
  claimed: SessionBody | undefined;
}

/** The approvals before and after a resubmission. */
export interface Resubmission {
  deadline: string;
  old: ApprovalBody;
  again: ApprovalBody;
}

/** Routes a task with a value for everything that can be inherited, and has its first attempt due. */
async function route(mesh: TestApp): Promise<Matter> {
  const board = newSubject('board');
  const matter = await Matter.open(mesh, {
    ...ROUTED,
    deadline_at: inSeconds(DEADLINE_SECONDS),
    not_before: inSeconds(3_600),
    requires_approval: { role: board, ...REQUIREMENT },
  });
  await endPause(mesh, matter.task.replace('task-', ''));
  return Object.assign(matter, { board });
}

async function taskOf(matter: Matter): Promise<TaskBody> {
  return (await matter.requester.get<TaskBody>(`/tasks/${matter.task}`)).body;
}

async function inheritanceOf(
  mesh: TestApp,
  matter: Matter,
  before: TaskBody,
): Promise<Inheritance> {
  const after = await taskOf(matter);
  const rows = await mesh.query<{ attempts_left: number }>(
    'SELECT attempts_left FROM sessions WHERE task_id = $1 ORDER BY attempt',
    [after.id],
  );
  const attemptsLeft = rows.map(({ attempts_left }) => attempts_left);
  const claim = () =>
    matter.agent(matter.to).post<{ session?: SessionBody }>(`/tasks/${matter.task}/claim`, {});
  const atOnce = await claim();
  const isDue = atOnce.status === 200;
  await endPause(mesh, after.id);
  const claimed = (isDue ? atOnce : await claim()).body.session;
  return { before, after, attemptsLeft, isDue, claimed };
}

/** The first attempt fails for now, while one of two approvals of the requirement is given. */
export async function nextAttempt(mesh: TestApp): Promise<Inheritance> {
  const matter = await route(mesh);
  const { worker, session } = await matter.claim();
  const required = (await taskOf(matter)).approvals[0]?.id ?? '';
  await matter.decide(required, 'approved', matter.person(matter.board));
  const before = await taskOf(matter);
  await finish(worker, session, RETRYABLE_FAILURE);
  return inheritanceOf(mesh, matter, before);
}

/** How a task ends before it is retried, its requirement rejected, pending or consumed. */
export const ENDS = ['failed', 'cancelled', 'cancelled after the consumption'] as const;

export async function retry(mesh: TestApp, end: (typeof ENDS)[number]): Promise<Inheritance> {
  const matter = await route(mesh);
  const { worker, session } = await matter.claim();
  const [required] = (await taskOf(matter)).approvals;
  const id = required?.id ?? '';
  const person = () => matter.person(matter.board);
  if (end === 'failed') {
    await matter.decide(id, 'rejected', person());
    await finish(worker, session, { status: 'failed', error: 'no' });
  } else {
    if (end !== 'cancelled') {
      await matter.decide(id, 'approved', person());
      await matter.decide(id, 'approved', person());
      await worker.post(`/approvals/${id}/consume`, { digest: required?.digest });
    }
    await matter.requester.post(`/tasks/${matter.task}/cancel`, {});
  }
  const before = await taskOf(matter);
  await matter.requester.post(`/tasks/${matter.task}/retry`, { reason: RETRY_REASON });
  return inheritanceOf(mesh, matter, before);
}

/** Resubmits a rejected approval that was a repetition, with the members that the resubmission gives. */
export async function resubmission(
  mesh: TestApp,
  given: Record<string, unknown> = {},
  deadlineSeconds = DEADLINE_SECONDS,
): Promise<Resubmission> {
  const deadline = inSeconds(deadlineSeconds);
  const matter = await Matter.open(mesh, { ...ROUTED, deadline_at: deadline });
  const stages = [matter.board, newSubject('second')];
  const id = await matter.ask({
    ...REQUIREMENT,
    ...{ stages, payload: { amount: 5 }, reason: 'Too much', repeat: true },
  });
  await matter.decide(id, 'rejected', matter.person(matter.board));
  const { body } = await matter.requester.post<{ id: string }>(`/approvals/${id}/resubmit`, given);
  return { deadline, old: await matter.get(id), again: await matter.get(body.id) };
}

/** The cells of the table of inheritance in the documentation, by its first column and then by the others. */
export function documentedInheritance(): Record<string, string[]> {
  const page = readFileSync('docs/approvals.md', 'utf8');
  const section = page.split('\n## Inheritance\n')[1]?.split('\n## ')[0] ?? '';
  const rows = section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const [, , ...body] = rows;
  return Object.fromEntries(body.map(([value = '', ...cells]) => [value, cells]));
}

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { startTestApp, type TestApp } from '../../support/app.js';
import type { Answer, Client } from '../../support/client.js';
import { type Operation, OPERATIONS, TaskModel } from '../../support/task-model.js';
import {
  brokenRules,
  endDeadline,
  endLease,
  endPause,
  RETRYABLE_FAILURE,
  finish,
  sweepDeadlines,
  sweepLeases,
  type TaskBody,
  Team,
} from '../../support/work.js';

const RUNS = 60;
/** Printed with the counterexample; another one is tried on every run. */
const seed = Number(process.env.MODEL_SEED ?? Date.now() % 2 ** 31);

/** What leads to many different states comes more often. */
const WEIGHTS: Record<Operation['name'], number> = {
  ...{ claim: 10, endPause: 6, failForNow: 4, release: 3, retry: 3, endLease: 4, sweepLeases: 4 },
  ...{ activate: 1, heartbeat: 2, complete: 1, fail: 1, cancel: 2 },
  ...{ endDeadline: 1, sweepDeadlines: 1 },
};

const operation: fc.Arbitrary<Operation> = fc.record({
  name: fc.oneof(
    ...OPERATIONS.map((name) => ({ arbitrary: fc.constant(name), weight: WEIGHTS[name] })),
  ),
  worker: fc.oneof(
    { arbitrary: fc.constant(0 as const), weight: 5 },
    { arbitrary: fc.constant(1 as const), weight: 1 },
  ),
  isLate: fc.integer({ min: 0, max: 7 }).map((n) => n === 7),
});

let mesh: TestApp;
let team: Team;
let workers: [Client, Client];

describe('tasks and their model', () => {
  beforeAll(async () => {
    mesh = await startTestApp();
    team = new Team(mesh);
    workers = [team.worker(), team.worker()];
  });

  afterAll(() => mesh.close());

  it(`a task matches the model (MODEL_SEED=${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 3 }),
        fc.array(operation, { minLength: 3, maxLength: 24, size: 'max' }),
        async (max_attempts, operations) => {
          const model = new TaskModel(max_attempts);
          const id = await team.route({ max_attempts });
          let task = await team.task(id);
          for (const each of operations) task = await compare(model, task, each);
        },
      ),
      { numRuns: RUNS, seed },
    );
    expect(await brokenRules(mesh)).toEqual([]);
  }, 120_000);
});

/** Does one thing to the task and to its model; gives the task as it is then. */
async function compare(model: TaskModel, before: TaskBody, each: Operation): Promise<TaskBody> {
  const { id } = before;
  const session = (each.isLate ? before.attempts[0] : before.attempts.at(-1))?.id ?? '';
  const isLeased = model.latest.lease === 'running';
  const opened = model.attempts.length;
  const expected = model.apply(each);
  if (each.name === 'endLease' && isLeased) await endLease(mesh, before.session_id);
  const answer = await act(each, id, session);
  expect(answer === undefined ? 200 : (answer.body.code ?? answer.status)).toBe(expected);
  if (model.attempts.length > opened && model.latest.isPaused) await holdPause(id);

  const after = await team.task(id);
  expect(after.status).toBe(model.status);
  expect(after.attempts.map(({ status, ended_reason }) => [status, ended_reason])).toEqual(
    model.attempts.map(({ status, reason }) => [status, reason]),
  );
  // What is refused changes nothing.
  if (expected !== 200) expect(after).toEqual(before);
  return after;
}

/** Does it; gives the answer, if it is a request. */
async function act(
  { name, worker }: Operation,
  id: string,
  session: string,
): Promise<Pick<Answer, 'status' | 'body'> | undefined> {
  const by = workers[worker];
  switch (name) {
    case 'claim':
      return by.post(`/tasks/${id}/claim`, {});
    case 'activate':
      return by.put(`/sessions/${session}/events`, { event: 'activate' });
    case 'complete':
      return finish(by, session);
    case 'fail':
      return finish(by, session, { status: 'failed' });
    case 'failForNow':
      return finish(by, session, RETRYABLE_FAILURE);
    case 'heartbeat':
    case 'release':
      return by.post(`/sessions/${session}/${name}`, {});
    case 'cancel':
    case 'retry':
      return team.requester.post(`/tasks/${id}/${name}`, {});
    case 'endLease':
      return undefined;
    case 'endPause':
      await endPause(mesh, id);
      return undefined;
    case 'endDeadline':
      await endDeadline(mesh, id);
      return undefined;
    case 'sweepLeases':
      await sweepLeases(mesh);
      return undefined;
    case 'sweepDeadlines':
      await sweepDeadlines(mesh);
      return undefined;
  }
}

/** Lets a pause last until `endPause`, so that nothing depends on how fast the test is. */
async function holdPause(id: string): Promise<void> {
  await mesh.query(
    `UPDATE sessions SET not_before = not_before + interval '1 hour' WHERE task_id = $1 AND status = 'pending'`,
    [id],
  );
}

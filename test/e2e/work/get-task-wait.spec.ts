import { beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { newSubject, startTestApp, tokenFor } from '../../support/app.js';
import type { Answer, Client } from '../../support/client.js';
import { expectProblem, times, useTwoApps } from '../../support/kit.js';
import { patient } from '../../support/patience.js';
import { waitAndDisconnect, waitingAt } from '../../support/waiting.js';
import { finish, RETRYABLE_FAILURE, type TaskBody, Team } from '../../support/work.js';

/** An event follows its change within milliseconds; the rest is room for a busy machine. */
const SOON_MS = 900;

describe('GET /tasks/:id with wait_seconds', () => {
  const [one, two] = useTwoApps({ DATABASE_POOL_SIZE: '2', MAX_IN_FLIGHT: '60' });
  let team: Team;

  beforeEach(() => {
    team = new Team(one);
  });

  const etagOf = (answer: Answer): string => answer.headers.get('etag') ?? '';

  const wait = (by: Client, task: string, query: string, tag?: string) =>
    by.get<TaskBody>(`/tasks/${task}?${query}`, tag ? { headers: { 'if-none-match': tag } } : {});

  /** The requester on an instance. */
  const requesterAt = (mesh = two) => team.agent(team.requesterRole, mesh);

  /** Waits on both instances, does something, and returns the milliseconds from then to the last response. */
  async function wakesAfter(
    task: string,
    act: () => Promise<unknown>,
    expected: Record<string, unknown>,
    query = 'wait_seconds=20',
  ): Promise<number> {
    // With the version from before, the wait can begin before or after the change.
    const tag = etagOf(await team.requester.get(`/tasks/${task}`));
    const waiting = [one, two].map((mesh) => wait(requesterAt(mesh), task, query, tag));
    await Promise.all([waitingAt(one, 1), waitingAt(two, 1)]);
    await act();
    const start = performance.now();
    const answers = await Promise.all(waiting);
    for (const { status, body } of answers) {
      expect([status, body]).toEqual([200, expect.objectContaining(expected)]);
    }
    expect(new Set(answers.map(etagOf)).size).toBe(1);
    return performance.now() - start;
  }

  it('ends soon after each change of the task, on every instance', async () => {
    const task = await team.route();
    const worker = team.worker();
    const changes: [() => Promise<unknown>, Record<string, unknown>][] = [
      [() => team.claim(worker), { status: 'active' }],
      [
        async () => finish(worker, (await team.task(task)).session_id, { metadata: { step: 1 } }),
        { attempts: [expect.objectContaining({ metadata: { step: 1 } })] },
      ],
      [
        () => team.requester.post('/approvals', { task_id: task, approver_role: 'board' }),
        { approvals: [expect.objectContaining({ status: 'pending' })] },
      ],
      [
        async () => {
          const [approval] = (await team.task(task)).approvals;
          const decide = { decision: 'approved' };
          await team.agent('board').post(`/approvals/${approval?.id}/decision`, decide);
        },
        { approvals: [expect.objectContaining({ status: 'approved' })] },
      ],
      [
        async () => finish(worker, (await team.task(task)).session_id, RETRYABLE_FAILURE),
        { status: 'pending', attempt: 2 },
      ],
      [() => team.requester.post(`/tasks/${task}/cancel`, {}), { status: 'cancelled' }],
    ];
    for (const [act, expected] of changes) {
      expect(await wakesAfter(task, act, expected)).toBeLessThan(patient(SOON_MS));
    }
  });

  it('with until=finished, ends only when the task has ended', async () => {
    const task = await team.route();
    const worker = team.worker();
    const work = async () => {
      const { session } = await team.claim(worker);
      await finish(worker, session.id, { metadata: { step: 1 } });
      await finish(worker, session.id, { status: 'completed', result: { amount: 1 } });
    };
    const query = 'wait_seconds=20&until=finished';
    expect(await wakesAfter(task, work, { status: 'completed' }, query)).toBeLessThan(
      patient(SOON_MS),
    );
  });

  it('with until=finished, returns the present state when the time is up', async () => {
    const task = await team.route();
    const waiting = wait(team.requester, task, 'wait_seconds=2&until=finished');
    await waitingAt(one, 1);
    await team.claim();
    const answer = await waiting;
    expect([answer.status, answer.body.status]).toEqual([200, 'active']);
  });

  it('ends at once when the task has ended', async () => {
    const task = await team.route();
    await team.requester.post(`/tasks/${task}/cancel`, {});
    const start = performance.now();
    const first = await wait(team.requester, task, 'wait_seconds=25');
    const finished = 'wait_seconds=25&until=finished';
    expect((await wait(team.requester, task, finished)).body.status).toBe('cancelled');
    expect((await wait(team.requester, task, finished, etagOf(first))).status).toBe(304);
    expect(performance.now() - start).toBeLessThan(patient(3 * SOON_MS));
  });

  it('with If-None-Match, waits for the retry of a task that has ended', async () => {
    const task = await team.route();
    await team.requester.post(`/tasks/${task}/cancel`, {});
    const tag = etagOf(await wait(team.requester, task, 'wait_seconds=0'));
    const waiting = wait(requesterAt(), task, 'wait_seconds=20', tag);
    await waitingAt(two, 1);
    await team.requester.post(`/tasks/${task}/retry`, {});
    expect((await waiting).body).toMatchObject({ status: 'pending', attempt: 2 });
  });

  it('ends at once for another version', async () => {
    const task = await team.route();
    const tag = etagOf(await team.requester.get(`/tasks/${task}`));
    await team.claim();
    const start = performance.now();
    for (const other of [tag, '"other"', 'W/"other", "x"']) {
      expect((await wait(team.requester, task, 'wait_seconds=25', other)).body.status).toBe(
        'active',
      );
    }
    expect(performance.now() - start).toBeLessThan(patient(4 * SOON_MS));
  });

  it('304, or the task, when nothing has changed; a heartbeat is no change', async () => {
    const task = await team.route();
    const worker = team.worker();
    const { session } = await team.claim(worker);
    const tag = etagOf(await team.requester.get(`/tasks/${task}`));
    expect(tag).toMatch(/^W\/"[\w-]{22}"$/);
    const tags = [tag, tag.replace('W/', ''), `"x", ${tag}`, '*', undefined];
    const start = performance.now();
    const waiting = tags.map((each) => wait(team.requester, task, 'wait_seconds=2', each));
    await waitingAt(one, tags.length);
    await worker.post(`/sessions/${session.id}/heartbeat`, { lease_seconds: 900 });
    const answers = await Promise.all(waiting);
    expect(performance.now() - start).toBeGreaterThan(1_990);
    expect(answers.map(({ status }) => status)).toEqual([304, 304, 304, 304, 200]);
    expect(answers.map(etagOf)).toEqual(tags.map(() => tag));
    expect(answers[0]?.text).toBe('');
    expect(answers[4]?.body.attempts[0]?.lease_seconds).toBe(900);
    for (const query of ['wait_seconds=0', '']) {
      expect((await wait(team.requester, task, query, tag)).status).toBe(304);
    }
  });

  it('misses no change: 20 agents wait for each other in turn', async () => {
    const task = await team.route();
    const worker = team.worker();
    const { session } = await team.claim(worker);
    const follow = async (mesh = one): Promise<number[]> => {
      const versions: number[] = [];
      for (let tag = '"none"'; (versions.at(-1) ?? 0) < 12;) {
        const answer = await wait(requesterAt(mesh), task, 'wait_seconds=20', tag);
        expect(answer.status).toBe(200);
        versions.push(answer.body.attempts[0]?.version ?? 0);
        tag = etagOf(answer);
      }
      return versions;
    };
    const followers = [...times(10, () => follow(one)), ...times(10, () => follow(two))];
    for (let step = session.version; step < 12; step += 1) {
      expect((await finish(worker, session.id, { metadata: { step } })).status).toBe(200);
    }
    for (const versions of await Promise.all(followers)) {
      expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
      expect(versions.at(-1)).toBe(12);
    }
  });

  it.each(['wait_seconds=26', 'wait_seconds=-1', 'wait_seconds=x', 'wait_seconds=1.5'])(
    '400 with %s',
    async (query) => {
      expectProblem(await wait(team.requester, randomUUID(), query), 400, 'request.invalid');
    },
  );

  it.each([
    'until=finished',
    'wait_seconds=5&until=completed',
    'wait_seconds=5&until=',
    'wait=5',
    'wait_seconds=5&wait_seconds=6',
  ])('400 with %s', async (query) => {
    const task = await team.route();
    expectProblem(await wait(team.requester, task, query), 400, 'request.invalid');
  });

  it('404 unless the caller can read the task', async () => {
    const task = await team.route();
    const start = performance.now();
    const stranger = team.agent(newSubject('stranger'));
    expectProblem(await wait(stranger, task, 'wait_seconds=25'), 404, 'task.not_found');
    expectProblem(
      await wait(team.requester, randomUUID(), 'wait_seconds=25'),
      404,
      'task.not_found',
    );
    expect(performance.now() - start).toBeLessThan(patient(2 * SOON_MS));
  });

  it('holds no database connection and no place of MAX_IN_FLIGHT: 50 clients wait', async () => {
    const task = await team.route();
    const waiting = times(50, () => wait(team.requester, task, 'wait_seconds=20'));
    await waitingAt(one, 50);
    const reads = await Promise.all(times(20, () => team.requester.get(`/tasks/${task}`)));
    expect(new Set(reads.map(({ status }) => status))).toEqual(new Set([200]));
    await team.requester.post(`/tasks/${task}/cancel`, {});
    const answers = await Promise.all(waiting);
    expect(new Set(answers.map(({ body }) => body.status))).toEqual(new Set(['cancelled']));
    await waitingAt(one, 0);
  });

  it('ends at once when the client disconnects', async () => {
    const path = `/tasks/${await team.route()}?wait_seconds=25`;
    const token = tokenFor(team.requesterRole);
    expect(await waitAndDisconnect(two, path, token)).toBeLessThan(patient(2 * SOON_MS));
  });

  it('ends at once, with the present state, when the controller stops', async () => {
    const mesh = await startTestApp({ databaseUrl: one.databaseUrl });
    const task = await team.route();
    const by = requesterAt(mesh);
    const tag = etagOf(await wait(by, task, 'wait_seconds=0'));
    const waiting = [undefined, tag].map((each) => wait(by, task, 'wait_seconds=25', each));
    await waitingAt(mesh, 2);
    const start = performance.now();
    const closing = mesh.close();
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 304]);
    expect(performance.now() - start).toBeLessThan(patient(SOON_MS));
    await closing;
  });
});

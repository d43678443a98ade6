import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { newDatabase, startTestApp, type TestApp } from '../../support/app.js';
import type { Answer, Client } from '../../support/client.js';
import { dropTestDatabase } from '../../support/postgres.js';
import {
  brokenRules,
  type ClaimedBody,
  endDeadline,
  endLease,
  RETRYABLE_FAILURE,
  finish,
  sweepDeadlines,
  sweepLeases,
  Team,
} from '../../support/work.js';

const CLAIMERS = 16;
const TASKS = 500;
const RIVALS = 50;
const ROUNDS = 12;
const IN_AN_HOUR = new Date(Date.now() + 3_600_000).toISOString();

describe('two controllers on one database', () => {
  let databaseUrl: string;
  let meshes: [TestApp, TestApp];
  let team: Team;

  beforeAll(async () => {
    databaseUrl = await newDatabase();
    meshes = [await startTestApp({ databaseUrl }), await startTestApp({ databaseUrl })];
  });

  beforeEach(() => {
    team = new Team(meshes[0]);
  });

  afterAll(async () => {
    expect(await brokenRules(meshes[0])).toEqual([]);
    await Promise.all(meshes.map((mesh) => mesh.close()));
    await dropTestDatabase(databaseUrl);
  });

  const meshOf = (index: number): TestApp => meshes[index % 2 === 0 ? 0 : 1];

  it(`let ${CLAIMERS} agents claim ${TASKS} tasks once each`, async () => {
    const routed: string[] = [];
    while (routed.length < TASKS) {
      const some = Array.from({ length: 20 }, () => team.route());
      routed.push(...(await Promise.all(some)));
    }
    const claimed: string[] = [];
    const idleBefore: number[] = [];
    const claimAll = async (worker: Client): Promise<void> => {
      for (;;) {
        const before = claimed.length;
        const { status, body } = await worker.post<ClaimedBody>('/tasks/claim', {});
        if (status === 204) {
          idleBefore.push(before);
          return;
        }
        expect(status).toBe(200);
        claimed.push(body.task.id);
      }
    };
    await Promise.all(Array.from({ length: CLAIMERS }, (_, n) => claimAll(team.worker(meshOf(n)))));
    expect(claimed).toHaveLength(TASKS);
    expect(new Set(claimed)).toEqual(new Set(routed));
    // Who was told that there is nothing asked when all but those just being claimed by the others were gone.
    for (const known of idleBefore) expect(known).toBeGreaterThan(TASKS - 2 * CLAIMERS);
  }, 120_000);

  it(`let one of ${RIVALS} agents claim a task, 409 for the others`, async () => {
    const id = await team.route();
    const answers = await Promise.all(
      Array.from({ length: RIVALS }, (_, n) =>
        team.worker(meshOf(n)).post<ClaimedBody>(`/tasks/${id}/claim`, {}),
      ),
    );
    const [won] = expectOneWinner(answers);
    for (const { body } of answers.filter(({ status }) => status === 409)) {
      expect(body).toMatchObject({
        code: 'task.claimed',
        detail: expect.stringContaining(won?.body.session.claimed_by ?? '-'),
      });
    }
  });

  it(`accept one of ${RIVALS} concurrent reports`, async () => {
    const id = await team.route();
    const { session } = await team.claim();
    const worker = team.agent([team.role, 'admin']);
    const rivals = Array.from({ length: RIVALS }, (_, n) => {
      if (n % 10 === 9) return endLease(meshes[0], session.id).then(() => sweepLeases(meshOf(n)));
      const how = [{ status: 'completed', result: { n } }, RETRYABLE_FAILURE, { status: 'failed' }];
      return finish(n % 2 ? worker : team.agent('admin', meshes[1]), session.id, how[n % 3] ?? {});
    });
    const answers = (await Promise.all(rivals)).filter((answer) => typeof answer === 'object');
    const winners = answers.filter(({ status }) => status === 200);
    const [first] = (await team.task(id)).attempts;
    expect(winners).toHaveLength(first?.ended_reason === 'lease_lost' ? 0 : 1);
    for (const { body } of winners) expect(first).toMatchObject({ status: body.status });
    for (const { status } of answers.filter((answer) => !winners.includes(answer))) {
      expect(status).toBe(409);
    }
    const ends = (await team.events(id)).filter((event) => event.startsWith('session_'));
    expect(ends).toHaveLength(1);
  });

  /** What the task and the two answers may be after a race. */
  interface Race {
    /** Makes what is raced about. */
    prepare: (id: string) => Promise<string>;
    deadline?: boolean;
    one: (id: string, sessionId: string) => Promise<Outcome>;
    other: (id: string, sessionId: string) => Promise<Outcome>;
    /** Each as "answer of one, answer of the other: how the attempts ended". */
    legal: string[];
  }

  const worker = (): Client => team.agent([team.role, 'admin'], meshes[1]);
  const claimed = async (): Promise<string> => (await team.claim(worker())).session.id;
  const lapsed = async (): Promise<string> => {
    const id = await claimed();
    await endLease(meshes[0], id);
    return id;
  };
  const cancel = (id: string) => team.requester.post(`/tasks/${id}/cancel`, {});
  const retry = (id: string) => team.requester.post(`/tasks/${id}/retry`, {});
  const claim = (id: string) => team.worker(meshes[1]).post(`/tasks/${id}/claim`, {});
  const complete = (_: string, session: string) => finish(worker(), session);
  const release = (_: string, session: string) => worker().post(`/sessions/${session}/release`, {});
  const beat = (_: string, session: string) => worker().post(`/sessions/${session}/heartbeat`, {});
  const sweep = () => sweepLeases(meshes[0]);
  /** A sweep passes over what is locked, by a request that is about to be refused; a later one does not. */
  const sweepOne = async (): Promise<number> => {
    for (;;) {
      const ended = await sweep();
      if (ended > 0) return ended;
    }
  };
  const pastDeadline = async (id: string): Promise<number> => {
    await endDeadline(meshes[0], id);
    return sweepDeadlines(meshes[0]);
  };

  const RACES: Record<string, Race> = {
    'a cancellation and a completion': {
      prepare: claimed,
      one: cancel,
      other: complete,
      legal: ['200 409: cancelled', '409 200: completed'],
    },
    'a cancellation and a claim': {
      prepare: () => Promise.resolve(''),
      one: cancel,
      other: claim,
      // Claimed first, it is cancelled under its worker.
      legal: ['200 409: cancelled', '200 200: cancelled'],
    },
    'a cancellation and a release': {
      prepare: claimed,
      one: cancel,
      other: release,
      legal: ['200 409: cancelled', '200 200: released cancelled'],
    },
    'a retry and a sweep': {
      prepare: lapsed,
      one: retry,
      other: sweepOne,
      legal: ['409 1: lease_lost pending'],
    },
    'a retry and another': {
      prepare: async (id) => {
        await cancel(id);
        return '';
      },
      one: retry,
      other: retry,
      legal: ['200 409: cancelled pending', '409 200: cancelled pending'],
    },
    'a release and a lapse': {
      prepare: lapsed,
      one: release,
      other: sweep,
      legal: ['200 0: released pending', '409 1: lease_lost pending'],
    },
    'a heartbeat and a lapse': {
      prepare: lapsed,
      one: beat,
      other: sweep,
      legal: ['200 0: active', '409 1: lease_lost pending'],
    },
    'a completion and a lapse': {
      prepare: lapsed,
      one: complete,
      other: sweep,
      legal: ['200 0: completed', '409 1: lease_lost pending'],
    },
    'two sweeps': {
      prepare: lapsed,
      one: sweep,
      other: () => sweepLeases(meshes[1]),
      legal: ['1 0: lease_lost pending', '0 1: lease_lost pending'],
    },
    'a claim and a deadline': {
      prepare: () => Promise.resolve(''),
      deadline: true,
      one: claim,
      other: pastDeadline,
      // Whether it was pending or active, it is over; the sweep may leave a row that is being claimed to the next one.
      legal: ['200 1: deadline', '409 1: deadline', '200 0: active', '409 0: pending'],
    },
    'a retry and a deadline': {
      prepare: async (id) => {
        await cancel(id);
        return '';
      },
      deadline: true,
      one: retry,
      other: pastDeadline,
      legal: ['200 1: cancelled deadline', '409 0: cancelled', '200 0: cancelled pending'],
    },
  };

  it.each(Object.keys(RACES))('reach a valid status after %s', async (name) => {
    const race = RACES[name];
    if (!race) throw new Error('no such race');
    for (let round = 0; round < ROUNDS; round += 1) {
      const id = await team.route(race.deadline ? { deadline_at: IN_AN_HOUR } : {});
      const sessionId = await race.prepare(id);
      const one = () => race.one(id, sessionId).then(told);
      const other = () => race.other(id, sessionId).then(told);
      const answers =
        round % 2 === 0
          ? await Promise.all([one(), other()])
          : (await Promise.all([other(), one()])).reverse();
      const { attempts } = await team.task(id);
      const ends = attempts.map(({ ended_reason, status }) => ended_reason ?? status);
      expect(race.legal).toContain(`${answers.join(' ')}: ${ends.join(' ')}`);
      await settle(id);
    }
    expect(await brokenRules(meshes[0])).toEqual([]);
  });

  /** What is left of a round must not meet the sweeps of the next one. */
  async function settle(id: string): Promise<void> {
    await cancel(id);
    expect(await meshes[0].query(OPEN, [id])).toEqual([]);
  }
});

const OPEN = `SELECT id FROM sessions WHERE task_id = $1 AND status IN ('pending', 'active')`;

/** An answer, or how many attempts a sweep ended. */
type Outcome = { status: number } | number;

const told = (outcome: Outcome): number => (typeof outcome === 'number' ? outcome : outcome.status);

function expectOneWinner<Body>(answers: readonly Answer<Body>[]): Answer<Body>[] {
  const won = answers.filter(({ status }) => status === 200);
  expect(won).toHaveLength(1);
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(answers.length - 1);
  return won;
}

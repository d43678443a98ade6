import { beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { type Answer, Client } from '../../support/client.js';
import {
  caller,
  describeWithEachRedis,
  expectNoEffect,
  isReplay,
  keyHeader,
} from '../../support/idempotency.js';
import { expectProblem, useApp, useSharedApp, useTwoApps } from '../../support/kit.js';
import { type ClaimedBody, endLease, sweepLeases, Team } from '../../support/work.js';

const RETRIES = 20;
const BODIES = [undefined, {}, { lease_seconds: null }, { lease_seconds: 60 }];
const PAIRS = BODIES.flatMap((first) =>
  [...BODIES, { lease_seconds: 600 }].map((retry) => ({ first, retry })),
).filter(({ first, retry }) => JSON.stringify(first) !== JSON.stringify(retry));

type Claim = (body?: object) => Promise<Answer<ClaimedBody>>;

describeWithEachRedis(
  'a claim that is sent again with another lease_seconds, with %s',
  (_, redis) => {
    const mesh = useApp(redis);
    let team: Team;

    beforeAll(() => {
      team = new Team(mesh);
    });

    it.each(['/tasks/claim', '/tasks/{id}/claim'])(
      '%s returns what the worker holds',
      async (path) => {
        const worker = team.worker();
        const id = await team.route();
        const headers = keyHeader();
        const claim: Claim = (body) => worker.post(path.replace('{id}', id), body, headers);
        const first = await claim({ lease_seconds: 60 });
        expect(first.status).toBe(200);
        for (const body of [{ lease_seconds: 600 }, { lease_seconds: null }, {}]) {
          const retry = await expectNoEffect(mesh, () => claim(body));
          expect([retry.status, isReplay(retry)]).toEqual([200, true]);
          expect(retry.body).toEqual({ ...first.body, replayed: true });
        }
        await worker.put(`/sessions/${first.body.session.id}`, { status: 'completed' });
        expect((await claim({ lease_seconds: 600 })).body).toMatchObject({
          replayed: true,
          task: { id, status: 'completed' },
          session: { id: first.body.session.id, status: 'completed', lease_seconds: 60 },
        });
      },
    );
  },
);

describe('the same idempotency key', () => {
  const mesh = useSharedApp();
  let team: Team;

  beforeAll(() => {
    team = new Team(mesh);
  });

  it.each(PAIRS)('claims once with $first and then $retry', async ({ first, retry }) => {
    const worker = team.worker();
    await team.route();
    const headers = keyHeader();
    const claimed = await worker.post<ClaimedBody>('/tasks/claim', first, headers);
    const again = await worker.post<ClaimedBody>('/tasks/claim', retry, headers);
    expect([claimed.status, again.status]).toEqual([200, 200]);
    expect(again.body).toEqual({ ...claimed.body, replayed: true });
  });

  it('shows that the lease was lost', async () => {
    const worker = team.worker();
    const id = await team.route();
    const headers = keyHeader();
    const claim: Claim = (body) => worker.post('/tasks/claim', body, headers);
    const { body } = await claim({ lease_seconds: 60 });
    await endLease(mesh, body.session.id);
    await sweepLeases(mesh);
    expect((await claim({ lease_seconds: 600 })).body).toMatchObject({
      replayed: true,
      task: { id, status: 'pending', attempt: 2 },
      session: { id: body.session.id, status: 'failed', ended_reason: 'lease_lost' },
    });
  });

  it('returns a notification again', async () => {
    const worker = team.worker();
    const id = await team.route({}, { task_type: 'notification', description: 'Signed' });
    const headers = keyHeader();
    const claim: Claim = (body) => worker.post(`/tasks/${id}/claim`, body, headers);
    const first = await claim({ lease_seconds: 60 });
    expect(first.body.session.status).toBe('completed');
    expect((await claim({ lease_seconds: 600 })).body).toEqual({ ...first.body, replayed: true });
  });

  it.each([
    [{ task_types: ['other'] }],
    [{ role: 'finance' }],
    [{ lease_seconds: 600, task_types: ['other'] }],
    [{ leaseSeconds: 600 }],
  ])('is 422 with %j', async (body) => {
    const worker = team.worker();
    await team.route();
    const headers = keyHeader();
    expect((await worker.post('/tasks/claim', { lease_seconds: 60 }, headers)).status).toBe(200);
    const other = await worker.post('/tasks/claim', body, headers);
    expectProblem(other, 422, 'idempotency.payload_mismatch');
  });

  it('binds lease_seconds elsewhere', async () => {
    const headers = keyHeader();
    const finance = caller(mesh);
    const note = (lease_seconds: number): Promise<Answer> =>
      finance.post('/sessions', { role: 'finance', metadata: { lease_seconds } }, headers);
    expect((await note(60)).status).toBe(201);
    expectProblem(await note(600), 422, 'idempotency.payload_mismatch');
  });

  it('shows nothing to another caller, or to a caller that lost the role', async () => {
    // A role of its own: tasks of the tests above are due again after their leases have ended.
    const team = new Team(mesh);
    const sub = newSubject('agent');
    const both = new Client(mesh.url, tokenFor(['finance', team.role], sub));
    await team.route();
    const headers = keyHeader();
    const body = { role: team.role };
    const first = await both.post<ClaimedBody>(
      '/tasks/claim',
      { ...body, lease_seconds: 60 },
      headers,
    );
    expect(first.status).toBe(200);
    const other = await team.worker().post('/tasks/claim', body, headers);
    expect(other.status).toBe(204);
    const former = new Client(mesh.url, tokenFor(['finance'], sub));
    expectProblem(await former.post('/tasks/claim', body, headers), 403, 'auth.role_not_held');
  });
});

describe('two instances', () => {
  const [one, two] = useTwoApps({});

  it(`claim one task for ${RETRIES} requests with different lengths at once`, async () => {
    const team = new Team(one);
    for (let round = 0; round < 5; round += 1) {
      const sub = newSubject('worker');
      const headers = keyHeader();
      const workers = Array.from(
        { length: RETRIES },
        (_, n) => new Client((n % 2 === 0 ? one : two).url, tokenFor(team.role, sub)),
      );
      await Promise.all([team.route(), team.route(), team.route()]);
      const claims = await Promise.all(
        workers.map((worker, n) =>
          worker.post<ClaimedBody>('/tasks/claim', { lease_seconds: 60 + n }, headers),
        ),
      );
      expect(claims.map(({ status }) => status)).toEqual(Array(RETRIES).fill(200));
      const sessions = new Set(claims.map(({ body }) => body.session.id));
      const executed = claims.filter((claim) => !isReplay(claim));
      expect([sessions.size, executed.length]).toEqual([1, 1]);
    }
  });
});

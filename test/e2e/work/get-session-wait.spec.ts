import { beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { startTestApp, tokenFor } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { useTwoApps } from '../../support/kit.js';
import { patient } from '../../support/patience.js';
import { waitAndDisconnect, waitingAt } from '../../support/waiting.js';
import { endLease, finish, type SessionBody, sweepLeases, Team } from '../../support/work.js';

/** "Within a second", with room for a busy machine. */
const SOON_MS = 900;
describe('GET /sessions/:id with wait_seconds', () => {
  const [one, two] = useTwoApps({ DATABASE_POOL_SIZE: '2', MAX_IN_FLIGHT: '60' });
  let team: Team;

  beforeEach(() => {
    team = new Team(one);
  });

  const etagOf = ({ id, version }: { id: string; version: number }): string => `"${id}.${version}"`;

  const watch = (by: Client, session: SessionBody, seconds: number, tag = etagOf(session)) =>
    by.get<SessionBody>(`/sessions/${session.id}?wait_seconds=${seconds}`, {
      headers: { 'if-none-match': tag },
    });

  async function claimed(): Promise<{ worker: Client; task: string; session: SessionBody }> {
    const worker = team.worker();
    const task = await team.route();
    const { session } = await team.claim(worker);
    return { worker, task, session };
  }

  /** Watches the session on each process, does something, and gives how long after it both were answered. */
  async function wakesAfter(
    session: SessionBody,
    act: () => Promise<unknown>,
    expected: Record<string, unknown>,
  ): Promise<number> {
    const watching = [one, two].map((mesh) => watch(team.worker(mesh), session, 20));
    await Promise.all([waitingAt(one, 1), waitingAt(two, 1)]);
    await act();
    const acted = performance.now();
    for (const { status, body, headers } of await Promise.all(watching)) {
      expect([status, body]).toEqual([200, expect.objectContaining(expected)]);
      expect(headers.get('etag')).toBe(etagOf(body));
    }
    return performance.now() - acted;
  }

  it('ends soon after a cancellation, on every process', async () => {
    const { session, task } = await claimed();
    const cancel = () => team.requester.post(`/tasks/${task}/cancel`, {});
    const ended = { status: 'failed', ended_reason: 'cancelled' };
    expect(await wakesAfter(session, cancel, ended)).toBeLessThan(patient(SOON_MS));
  });

  it('ends soon after a cascade, on every process', async () => {
    const root = await team.route();
    const routed = await team.worker().post('/tasks/route', {
      ...{ target: team.role, parent_task_id: root },
      task: { task_type: 'part' },
    });
    const below = String(routed.body.task_id);
    const { body } = await team.worker().post(`/tasks/${below}/claim`, {});
    const cancel = () => team.requester.post(`/tasks/${root}/cancel`, { cascade: true });
    const ended = { status: 'failed', ended_reason: 'cancelled' };
    const session = body.session as SessionBody;
    expect(await wakesAfter(session, cancel, ended)).toBeLessThan(patient(SOON_MS));
  });

  it('ends soon after a lost lease, on every process', async () => {
    const { session } = await claimed();
    const lose = async () => {
      await endLease(one, session.id);
      expect(await sweepLeases(one)).toBe(1);
    };
    const ended = { status: 'failed', ended_reason: 'lease_lost' };
    expect(await wakesAfter(session, lose, ended)).toBeLessThan(patient(SOON_MS));
  });

  it('ends after any other change, at the latest with the next poll', async () => {
    const { session, worker } = await claimed();
    const complete = () => finish(worker, session.id);
    expect(await wakesAfter(session, complete, { status: 'completed' })).toBeLessThan(
      patient(2_000),
    );
  });

  it('ends when the task has a new attempt', async () => {
    const { session, worker, task } = await claimed();
    const watching = worker.get<SessionBody>(`/sessions/task-${task}?wait_seconds=20`);
    await waitingAt(one, 1);
    await worker.post(`/sessions/${session.id}/release`, {});
    expect((await watching).body).toMatchObject({ status: 'pending', attempt: 2 });
  });

  it('ends at once for another version', async () => {
    const { session, worker } = await claimed();
    const started = performance.now();
    for (const tag of ['"other"', `"${session.id}.1", "x"`]) {
      expect((await watch(worker, session, 25, tag)).status).toBe(200);
    }
    const old = await worker.get(`/sessions/${session.id}?wait_seconds=25&version=1`);
    expect([old.status, old.body.version]).toEqual([200, session.version]);
    expect(performance.now() - started).toBeLessThan(patient(3 * SOON_MS));
  });

  it('304 or the session when nothing has changed', async () => {
    const { session, worker } = await claimed();
    const started = performance.now();
    const path = `/sessions/${session.id}?wait_seconds=1`;
    const tag = etagOf(session);
    const answers = await Promise.all([
      ...[tag, `W/${tag}`, `"x", ${tag}`, '*'].map((each) => watch(worker, session, 1, each)),
      ...['', `&version=${session.version}`].map((more) => worker.get(`${path}${more}`)),
    ]);
    expect(performance.now() - started).toBeGreaterThan(990);
    expect(answers.map(({ status }) => status)).toEqual([304, 304, 304, 304, 200, 200]);
    expect(answers.map(({ headers }) => headers.get('etag'))).toEqual(answers.map(() => tag));
    expect(answers[0]?.text).toBe('');
    expect((await watch(worker, session, 0)).status).toBe(304);
  });

  it('does not end on a heartbeat', async () => {
    const { session, worker } = await claimed();
    const watching = watch(worker, session, 2);
    await waitingAt(one, 1);
    await worker.post(`/sessions/${session.id}/heartbeat`, {});
    expect((await watching).status).toBe(304);
  });

  it.each(['26', '-1', 'x', '1.5', ''])('400 with wait_seconds %j', async (seconds) => {
    const { session, worker } = await claimed();
    const path = `/sessions/${session.id}`;
    expect((await worker.get(`${path}?wait_seconds=${seconds}`)).status).toBe(400);
    expect((await worker.get(`${path}?wait_seconds=0&version=${seconds}x`)).status).toBe(400);
    expect((await worker.get(`${path}?wait=1`)).status).toBe(400);
  });

  it('404 unless the caller can read the session', async () => {
    const { session } = await claimed();
    const started = performance.now();
    const refused = await watch(team.agent('stranger'), session, 25);
    expect([refused.status, refused.text]).toEqual([404, expect.stringContaining('not_found')]);
    const missing = await watch(team.worker(), { ...session, id: randomUUID() }, 25);
    expect(missing.status).toBe(404);
    expect(performance.now() - started).toBeLessThan(patient(SOON_MS));
  });

  it('holds no database connection and no place of MAX_IN_FLIGHT: 50 clients wait', async () => {
    const { session, worker, task } = await claimed();
    const watching = Array.from({ length: 50 }, () => watch(worker, session, 20));
    await waitingAt(one, 50);
    const others = Array.from({ length: 20 }, () => worker.get(`/sessions/${session.id}`));
    const read = await Promise.all(others);
    expect(new Set(read.map(({ status }) => status))).toEqual(new Set([200]));
    await team.requester.post(`/tasks/${task}/cancel`, {});
    const answers = await Promise.all(watching);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    await waitingAt(one, 0);
  });

  it('ends at once when the client disconnects', async () => {
    const { session } = await claimed();
    const path = `/sessions/${session.id}?wait_seconds=25`;
    expect(await waitAndDisconnect(two, path, tokenFor(team.role))).toBeLessThan(
      patient(2 * SOON_MS),
    );
  });

  it('ends at once when the controller stops', async () => {
    const mesh = await startTestApp({ databaseUrl: one.databaseUrl });
    const { session } = await claimed();
    const watching = watch(team.worker(mesh), session, 25);
    await waitingAt(mesh, 1);
    const started = performance.now();
    const closing = mesh.close();
    expect((await watching).status).toBe(304);
    expect(performance.now() - started).toBeLessThan(patient(SOON_MS));
    await closing;
  });
});

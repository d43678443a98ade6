import { beforeEach, describe, expect, it } from '@jest/globals';
import { EventEmitter, once } from 'node:events';
import { InboxWaitService } from '../../../src/tasks/inbox-wait.service.js';
import { startTestApp, type TestApp, tokenFor } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { useTwoApps } from '../../support/kit.js';
import { finish, metrics, Team } from '../../support/work.js';
import { patient } from '../../support/patience.js';

/** "Well under a second", with room for a busy machine. */
const SOON_MS = 900;
describe('GET /tasks/wait', () => {
  const [one, two] = useTwoApps({ DATABASE_POOL_SIZE: '2' });
  let team: Team;

  beforeEach(() => {
    team = new Team(one);
  });

  const wait = (by: Client, seconds: number, more = '') =>
    by.get(`/tasks/wait?wait_seconds=${seconds}${more}`);

  /** Lets an agent wait on each process, does something, and tells how long after it both had their answer. */
  async function wakesAfter(act: () => Promise<unknown>): Promise<number> {
    const waiting = [one, two].map((mesh) => wait(team.worker(mesh), 20));
    await lookedOnce();
    await act();
    const acted = performance.now();
    for (const { status, body } of await Promise.all(waiting)) {
      expect([status, body]).toEqual([200, { pending: 1 }]);
    }
    return performance.now() - acted;
  }

  /** Comes back when those who wait have looked for the first time: a request sent after theirs was answered. */
  async function lookedOnce(): Promise<void> {
    for (const mesh of [one, two]) await wait(team.worker(mesh), 0);
  }

  it('200 at once with the number of due tasks', async () => {
    await team.route();
    await team.route();
    const started = performance.now();
    expect((await wait(team.worker(two), 25)).body).toEqual({ pending: 2 });
    expect(performance.now() - started).toBeLessThan(patient(SOON_MS));
  });

  it('204 when no task comes', async () => {
    const started = performance.now();
    const answer = await wait(team.worker(), 1);
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(performance.now() - started).toBeGreaterThan(990);
  });

  it('200 soon after a task is routed, on every process', async () => {
    expect(await wakesAfter(() => team.route())).toBeLessThan(patient(SOON_MS));
  });

  it('200 soon after a release or a retry', async () => {
    const worker = team.worker();
    const id = await team.route();
    const { session } = await team.claim(worker);
    const release = () => worker.post(`/sessions/${session.id}/release`, {});
    expect(await wakesAfter(release)).toBeLessThan(patient(SOON_MS));
    const again = await team.claim(worker);
    await finish(worker, again.session.id, { status: 'failed' });
    expect(await wakesAfter(() => team.requester.post(`/tasks/${id}/retry`, {}))).toBeLessThan(
      patient(SOON_MS),
    );
  });

  it('200 within about a second after a task is due', async () => {
    const due = Date.now() + 1_500;
    const waiting = wait(team.worker(two), 20);
    await team.route({ not_before: new Date(due).toISOString() });
    expect((await waiting).body).toEqual({ pending: 1 });
    expect(Date.now() - due).toBeGreaterThan(-50);
    expect(Date.now() - due).toBeLessThan(patient(2_500));
  });

  it('returns tasks of the caller’s role and the given types', async () => {
    const other = new Team(one);
    await other.route();
    await team.route({}, { task_type: 'other' });
    const none = await wait(team.worker(), 0, '&task_types=review,approval');
    expect(none.status).toBe(204);
    const some = await wait(team.worker(), 0, '&task_types=review,other');
    expect(some.body).toEqual({ pending: 1 });
    const notHeld = await wait(team.worker(), 0, `&role=${other.role}`);
    expect([notHeld.status, notHeld.body.code]).toEqual([403, 'auth.role_not_held']);
    const both = await wait(team.agent([team.role, other.role]), 0, `&role=${other.role}`);
    expect(both.status).toBe(200);
  });

  it.each(['26', '-1', 'x', '1.5', ''])('400 with wait_seconds %j', async (seconds) => {
    const { status } = await team.worker().get(`/tasks/wait?wait_seconds=${seconds}`);
    expect(status).toBe(400);
  });

  it.each(['&task_types=', '&task_types=a,', '&role=', '&hurry=yes'])(
    '400 with %j',
    async (more) => {
      expect((await wait(team.worker(), 0, more)).status).toBe(400);
    },
  );

  it('holds no database connection: 40 clients wait with a pool of two', async () => {
    const waiting = Array.from({ length: 40 }, () => wait(team.worker(), 20));
    await lookedOnce();
    const busy = 'database_pool_connections{state="busy"}';
    while ((await metrics(one))(busy) > 0);
    await new Team(one).route();
    await team.route();
    const answers = await Promise.all(waiting);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('ends at once when the client disconnects', async () => {
    const { mesh, observed } = await startObserved();
    const gone = new AbortController();
    const headers = { authorization: `Bearer ${tokenFor(team.role)}` };
    const waiting = fetch(`${mesh.url}/tasks/wait`, { headers, signal: gone.signal });
    await observed.begun;
    const started = performance.now();
    gone.abort();
    await expect(waiting).rejects.toThrow('abort');
    await observed.ended;
    expect(performance.now() - started).toBeLessThan(patient(SOON_MS));
    await mesh.close();
  });

  it('ends at once when the controller stops', async () => {
    const { mesh, observed } = await startObserved();
    const waiting = wait(team.worker(mesh), 25);
    await observed.begun;
    const started = performance.now();
    const closing = mesh.close();
    expect((await waiting).status).toBe(204);
    expect(performance.now() - started).toBeLessThan(patient(SOON_MS));
    await closing;
  });

  async function startObserved(): Promise<{ mesh: TestApp; observed: ObservedWait }> {
    const mesh = await startTestApp({
      databaseUrl: one.databaseUrl,
      override: (builder) => builder.overrideProvider(InboxWaitService).useClass(ObservedWait),
    });
    return { mesh, observed: mesh.app.get<InboxWaitService, ObservedWait>(InboxWaitService) };
  }
});

/** Tells when the first wait has begun, and when it has ended. */
class ObservedWait extends InboxWaitService {
  private readonly events = new EventEmitter();
  readonly begun = once(this.events, 'begun');
  readonly ended = once(this.events, 'ended');

  override async wait(
    ...call: Parameters<InboxWaitService['wait']>
  ): ReturnType<InboxWaitService['wait']> {
    this.events.emit('begun');
    try {
      return await super.wait(...call);
    } finally {
      this.events.emit('ended');
    }
  }
}

import { beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { CONNECTION_NAMES } from '../../../src/database/database-options.js';
import { parsePauseHeader } from '../../../src/roles/pause-notice.js';
import type { RoleDto } from '../../../src/roles/dto/role-pause.dto.js';
import { newSubject } from '../../support/app.js';
import type { Answer, Client } from '../../support/client.js';
import { until } from '../../support/eventually.js';
import { useTwoApps } from '../../support/kit.js';
import { patient } from '../../support/patience.js';
import { explain, statementsOf } from '../../support/query-plans.js';
import { waitingAt } from '../../support/waiting.js';
import { finish, type Json, Team } from '../../support/work.js';

const REASON = 'Wartung: Vertrags-Datenbank “Ω”, 100% (müde)';
/** "Well under a second", with room for a busy machine. */
const SOON_MS = 900;

describe('POST /roles/:role/pause and /resume', () => {
  const [one, two] = useTwoApps({ DATABASE_POOL_SIZE: '4' });
  let team: Team;
  let worker: Client;
  let admin: Client;

  beforeEach(() => {
    team = new Team(one);
    worker = team.worker();
    admin = team.agent('admin', two);
  });

  const pause = (more: Record<string, unknown> = {}, by = admin) =>
    by.post<Json<RoleDto>>(`/roles/${team.role}/pause`, { reason: REASON, ...more });
  const resume = () => admin.post<Json<RoleDto>>(`/roles/${team.role}/resume`, {});
  const claim = (by = worker, body: Record<string, unknown> = {}) => by.post('/tasks/claim', body);
  const events = async (type: string) =>
    one.query<{ actor: string; role: string; metadata: Record<string, unknown> }>(
      `SELECT actor, role, metadata FROM audit_events WHERE event_type = $1 AND metadata->>'role' = $2`,
      [type, team.role],
    );
  const pausedBy = ({ headers }: Answer) => parsePauseHeader(headers.get('role-paused') ?? '');
  const untilPassed = (role: string) =>
    one.query(
      `UPDATE role_pauses SET until = clock_timestamp() - interval '1 second' WHERE role = $1`,
      [role],
    );

  it('claims of a paused role are 204 with the reason; after the resume they succeed', async () => {
    await team.route();
    const paused = await pause();
    expect([paused.status, paused.body]).toMatchObject([
      200,
      { role: team.role, paused: true, reason: REASON, until: null },
    ]);

    for (const by of [worker, team.worker(two)]) {
      for (const body of [{}, { task_types: ['review', 'other'] }]) {
        const nothing = await claim(by, body);
        expect([nothing.status, nothing.text]).toEqual([204, '']);
        expect(pausedBy(nothing)).toEqual({ reason: REASON, until: null });
      }
    }
    const wait = await worker.get('/tasks/wait?wait_seconds=0&task_types=review');
    expect([wait.status, pausedBy(wait)]).toEqual([204, { reason: REASON, until: null }]);

    expect((await resume()).body).toMatchObject({ role: team.role, paused: false, reason: null });
    expect((await claim()).status).toBe(200);
  });

  it('the header is ASCII, and absent without a pause', async () => {
    await pause();
    const header = (await claim()).headers.get('role-paused');
    expect(header).toBe(
      `reason*=UTF-8''Wartung%3A%20Vertrags-Datenbank%20%E2%80%9C%CE%A9%E2%80%9D%2C%20100%25%20%28m%C3%BCde%29`,
    );
    await resume();
    expect((await claim()).headers.get('role-paused')).toBeNull();
  });

  it('a claim by id and an activation are 409 role.paused', async () => {
    const id = await team.route();
    const { body } = await worker.get<{ id: string }>(`/sessions/task-${id}`);
    await pause();

    const refusals = [
      await worker.post(`/tasks/${id}/claim`, {}),
      await worker.put(`/sessions/${body.id}/events`, { event: 'activate' }),
      await worker.put(`/sessions/${body.id}`, { status: 'active' }),
    ];
    for (const refused of refusals) {
      expect([refused.status, refused.body]).toMatchObject([409, { code: 'role.paused' }]);
      expect(refused.body).toMatchObject({ detail: expect.stringContaining(REASON) as unknown });
    }
    await resume();
    expect((await worker.post(`/tasks/${id}/claim`, {})).status).toBe(200);
  });

  it('active attempts, new tasks, plain sessions and other roles continue', async () => {
    const other = new Team(one);
    await Promise.all([team.route(), other.route()]);
    const { session } = await team.claim(worker);
    await pause();

    expect((await worker.post(`/sessions/${session.id}/heartbeat`, {})).status).toBe(200);
    expect((await finish(worker, session.id, { status: 'completed' })).status).toBe(200);
    const plain = await worker.post<{ id: string }>('/sessions', { role: team.role });
    expect((await worker.put(`/sessions/${plain.body.id}`, { status: 'active' })).status).toBe(200);
    await team.route();
    expect((await claim(other.worker())).status).toBe(200);
    await resume();
  });

  it('a resume notifies waiting agents of every instance', async () => {
    await team.route();
    await pause();
    const waiting = [one, two].map((mesh) => team.worker(mesh).get('/tasks/wait?wait_seconds=20'));
    await Promise.all([waitingAt(one, 1), waitingAt(two, 1)]);
    const resumed = performance.now();
    await resume();
    for (const { status, body } of await Promise.all(waiting))
      expect([status, body]).toEqual([200, { pending: 1 }]);
    expect(performance.now() - resumed).toBeLessThan(patient(SOON_MS));
  });

  it('until ends the pause by the clock of PostgreSQL', async () => {
    const end = new Date(Date.now() + 3_600_000).toISOString();
    const id = await team.route();
    await pause({ until: end });
    expect(pausedBy(await claim())).toEqual({ reason: REASON, until: end });
    const refused = await worker.post(`/tasks/${id}/claim`, {});
    expect(refused.body).toMatchObject({ detail: expect.stringContaining(end) as unknown });

    const waiting = worker.get('/tasks/wait?wait_seconds=20');
    await untilPassed(team.role);
    expect((await waiting).body).toEqual({ pending: 1 });
    expect((await worker.get(`/roles/${team.role}`)).body).toMatchObject({ paused: false });
    expect((await claim()).status).toBe(200);
    expect((await resume()).status).toBe(200);
    expect(await events('role_resumed')).toEqual([]);
  });

  it('a pause replaces the pause before', async () => {
    await pause({ until: new Date(Date.now() + 3_600_000).toISOString() });
    await pause({ reason: 'Longer' });
    expect((await worker.get(`/roles/${team.role}`)).body).toMatchObject({
      reason: 'Longer',
      until: null,
    });
    expect(await events('role_paused')).toHaveLength(2);
  });

  it('each change is one audit event', async () => {
    await pause();
    await resume();
    await resume();
    expect(await events('role_paused')).toMatchObject([
      { role: 'admin', metadata: { told: REASON, until: null } },
    ]);
    expect(await events('role_resumed')).toMatchObject([
      { role: 'admin', metadata: { told: REASON } },
    ]);
  });

  it('a repeated key pauses once', async () => {
    const key = { 'Idempotency-Key': randomUUID() };
    const send = () => admin.post(`/roles/${team.role}/pause`, { reason: REASON }, key);
    const first = await send();
    const again = await send();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.text).toBe(first.text);
    expect(await events('role_paused')).toHaveLength(1);
  });

  it('of two resumes at once one is recorded, and of two pauses both', async () => {
    await Promise.all([pause(), pause({ reason: 'Other' })]);
    expect(await events('role_paused')).toHaveLength(2);
    const resumed = await Promise.all([resume(), resume()]);
    expect(resumed.map(({ status }) => status)).toEqual([200, 200]);
    expect(await events('role_resumed')).toHaveLength(1);
  });

  it('a claim during a pause is either before it or refused', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => team.route()));
    const [paused, ...claims] = await Promise.all([
      pause(),
      ...ids.map(() => claim(team.worker())),
      ...ids.map((id) => team.worker().post(`/tasks/${id}/claim`, {})),
    ]);
    expect(paused.status).toBe(200);
    for (const { status } of claims) expect([200, 204, 409]).toContain(status);
    expect((await claim()).status).toBe(204);
    const [active] = await one.query<{ count: number }>(
      `SELECT count(*)::integer FROM sessions WHERE role = $1 AND status = 'active'`,
      [team.role],
    );
    expect(active?.count).toBe(claims.filter(({ status }) => status === 200).length);
  });

  it('is refused while an instance of the previous release is connected, which ignores pauses', async () => {
    const previous = new pg.Client({
      connectionString: one.databaseUrl,
      application_name: CONNECTION_NAMES.previousRelease,
    });
    await previous.connect();
    const refused = await pause();
    expect([refused.status, refused.body]).toMatchObject([409, { code: 'role.previous_release' }]);
    expect(await events('role_paused')).toEqual([]);
    expect((await resume()).status).toBe(200);
    await previous.end();
    await until(async () => (await pause()).status === 200);
    await resume();
  });

  it('every caller reads the pauses; only admin changes them', async () => {
    await pause();
    const { body } = await team.requester.get<{ roles: { role: string }[] }>('/roles');
    expect(body.roles.map(({ role }) => role)).toContain(team.role);
    for (const by of [worker, team.requester, team.agent('auditor')]) {
      const refused = await pause({}, by);
      expect([refused.status, refused.body]).toMatchObject([403, { code: 'auth.forbidden' }]);
    }
    await resume();
  });

  it.each([
    ['no reason', { reason: undefined }],
    ['a blank reason', { reason: ' \u200b' }],
    ['a long reason', { reason: 'x'.repeat(201) }],
    ['a reason that is no string', { reason: 1 }],
    ['an end in the past', { until: '2020-01-01T00:00:00Z' }],
    ['an end that is no time', { until: 'tomorrow' }],
    ['an unknown member', { forever: true }],
  ])('%s is 400', async (_, more) => {
    expect((await pause(more)).status).toBe(400);
  });

  it.each(['admin', 'system', 'a,b', '%20x', 'x'.repeat(51), '%E2%80%8B'])(
    'the role %s is 400',
    async (role) => {
      expect((await admin.post(`/roles/${role}/pause`, { reason: REASON })).status).toBe(400);
    },
  );

  it('names that are not ASCII, with a slash or of one character work', async () => {
    for (const role of [newSubject('Büro/法务'), '職']) {
      const path = `/roles/${encodeURIComponent(role)}`;
      expect((await admin.post(`${path}/pause`, { reason: REASON })).body).toMatchObject({ role });
      expect(pausedBy(await claim(team.agent(role)))?.reason).toBe(REASON);
      expect((await admin.post(`${path}/resume`, {})).status).toBe(200);
    }
  });

  it('the statement of the claim reads the pause', async () => {
    await team.route();
    const claimed = await statementsOf(one, () => claim());
    const empty = await statementsOf(one, () => claim());
    await pause();
    const refused = await statementsOf(one, () => claim());
    const routed = await statementsOf(one, () => team.route());
    const naming = (statements: typeof claimed) =>
      statements.filter(({ text }) => text.includes('role_pauses')).length;
    expect([naming(claimed), naming(empty), naming(refused), naming(routed)]).toEqual([1, 1, 1, 0]);
    const textsOf = (statements: typeof claimed) =>
      statements.map(({ text }) => text).filter((text) => text.includes('sessions'));
    expect(textsOf(refused)).toEqual(textsOf(empty));
    const statement = refused.find(({ text }) => text.includes('role_pauses'));
    if (!statement?.text.includes('a.not_before')) throw new Error('a statement of its own');
    const { ways } = await explain(one, statement);
    expect(ways.filter((way) => way.startsWith('Seq Scan on sessions'))).toEqual([]);
    await resume();
  });
});

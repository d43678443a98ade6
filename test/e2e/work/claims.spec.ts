import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { TestApp } from '../../support/app.js';
import { ageBy, type ClaimedBody, endDeadline, metrics, Team, repeat } from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';

const IN_AN_HOUR = new Date(Date.now() + 3_600_000).toISOString();
const AN_HOUR_AGO = new Date(Date.now() - 3_600_000).toISOString();

interface Inbox {
  tasks: { id: string; priority: string }[];
  next_cursor: string | null;
}

describe('inbox and claims', () => {
  let mesh: TestApp;
  let team: Team;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
  });

  async function inbox(more = ''): Promise<Inbox> {
    const path = `/tasks?to_role=${team.role}&status=pending${more}`;
    return (await team.worker().get<Inbox>(path)).body;
  }

  it('GET /tasks lists due tasks by priority and age', async () => {
    const routed: string[] = [];
    for (const priority of ['low', 'normal', 'high', 'low', 'normal', 'high']) {
      routed.push(await team.route({ priority }));
    }
    const expected = [2, 5, 1, 4, 0, 3].map((index) => routed[index]);
    expect((await inbox()).tasks.map(({ id }) => id)).toEqual(expected);

    const paged: string[] = [];
    let cursor = '';
    do {
      const page = await inbox(`&page_size=1${cursor}`);
      paged.push(...page.tasks.map(({ id }) => id));
      cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`;
    } while (cursor !== '');
    expect(paged).toEqual(expected);

    const claimed: string[] = [];
    while (claimed.length < expected.length) claimed.push((await team.claim()).task.id);
    expect(claimed).toEqual(expected);
  });

  it('exclude tasks that are not due, past their deadline or overdue', async () => {
    await team.route({ not_before: IN_AN_HOUR });
    await endDeadline(mesh, await team.route({ deadline_at: IN_AN_HOUR }));
    await ageBy(mesh, await team.route(), 8);
    expect(await inbox()).toMatchObject({ tasks: [] });
    expect((await team.worker().get('/tasks/wait?wait_seconds=0')).status).toBe(204);
    expect((await team.worker().post('/tasks/claim', {})).status).toBe(204);

    const due = await team.route({ not_before: AN_HOUR_AGO });
    expect((await inbox()).tasks).toMatchObject([{ id: due }]);
    expect((await team.claim()).task.id).toBe(due);
  });

  it('POST /tasks/claim: a lease of five minutes, visible to all participants', async () => {
    const id = await team.route();
    const before = Date.now();
    const { task, session } = await team.claim();
    expect(task).toMatchObject({
      id,
      status: 'active',
      attempt: 1,
      claimed_by: session.claimed_by,
    });
    expect(session).toMatchObject({ status: 'active', version: 2, task_id: id, attempt: 1 });
    expect(session.claimed_by).toContain('agent-');
    const lease = (Date.parse(session.lease_expires_at ?? '') - before) / 1000;
    expect(lease).toBeGreaterThan(298);
    expect(lease).toBeLessThan(310);
    expect(await team.task(id)).toMatchObject({
      status: 'active',
      claimed_by: session.claimed_by,
      attempts: [{ lease_expires_at: session.lease_expires_at }],
    });
    expect(await team.events(id)).toEqual(['task_routed', 'task_claimed']);
  });

  it('POST /tasks/:id/claim: 409 with the agent that claimed the task and its lease', async () => {
    const id = await team.route();
    const { session } = await team.claim();
    const late = await team.worker().post(`/tasks/${id}/claim`, {});
    expect(late.status).toBe(409);
    expect(late.body).toMatchObject({
      code: 'task.claimed',
      detail: `The task is claimed by ${session.claimed_by} until ${session.lease_expires_at}. Claim another task.`,
    });
    expect((await team.worker().post('/tasks/claim', {})).status).toBe(204);
  });

  it('POST /tasks/:id/claim: 409 when not due, past the deadline or ended', async () => {
    const early = await team
      .worker()
      .post(`/tasks/${await team.route({ not_before: IN_AN_HOUR })}/claim`);
    expect([early.status, early.body.code]).toEqual([409, 'task.not_due']);
    expect(early.body.detail).toContain(IN_AN_HOUR);

    const late = await team.route({ deadline_at: IN_AN_HOUR });
    await endDeadline(mesh, late);
    const over = await team.route();
    await team.requester.post(`/tasks/${over}/cancel`, {});
    const overdue = await team.route();
    await ageBy(mesh, overdue, 8);
    for (const id of [late, over, overdue]) {
      const refused = await team.worker().post(`/tasks/${id}/claim`, {});
      expect([refused.status, refused.body.code]).toEqual([409, 'task.finished']);
    }
  });

  it('PUT /sessions/:id: 409 to activate an attempt that is not due or past its deadline', async () => {
    const early = await team.route({ not_before: IN_AN_HOUR });
    const late = await team.route({ deadline_at: IN_AN_HOUR });
    await endDeadline(mesh, late);
    for (const [id, code] of [
      [early, 'task.not_due'],
      [late, 'task.finished'],
    ] as const) {
      const session = `/sessions/${(await team.task(id)).session_id}`;
      const worker = team.worker();
      const byEvent = await worker.put(`${session}/events`, { event: 'activate' });
      expect([byEvent.status, byEvent.body.code]).toEqual([409, code]);
      const byStatus = await worker.put(session, { status: 'active' });
      expect([byStatus.status, byStatus.body.code]).toEqual([409, code]);
      expect((await worker.put(session, { metadata: { seen: true } })).status).toBe(200);
      expect(await team.task(id)).toMatchObject({ status: 'pending', claimed_by: null });
    }
  });

  it('POST /tasks/claim claims the given types only', async () => {
    await team.route({ priority: 'high' }, { task_type: 'other' });
    const wanted = await team.route({}, { task_type: 'wanted' });
    const { task } = await team.claim(undefined, { task_types: ['wanted', 'missing'] });
    expect(task.id).toBe(wanted);
    const none = await team.worker().post('/tasks/claim', { task_types: ['wanted'] });
    expect([none.status, none.text]).toEqual([204, '']);
  });

  it('POST /tasks/claim claims the most urgent of several types', async () => {
    const types = ['a', 'b', 'c'];
    const route = (task_type: string, priority: string) => team.route({ priority }, { task_type });
    const last = await route('a', 'low');
    const first = await route('b', 'high');
    await route('other', 'high');
    const second = await route('c', 'normal');
    const third = await route('b', 'normal');
    const claimed: string[] = [];
    await repeat(4, async () => {
      claimed.push((await team.claim(undefined, { task_types: types })).task.id);
    });
    expect(claimed).toEqual([first, second, third, last]);
    expect((await team.worker().post('/tasks/claim', { task_types: types })).status).toBe(204);
  });

  it('POST /tasks/claim gives each task to one of several concurrent callers', async () => {
    const types = ['a', 'b', 'a'];
    const ids = await Promise.all(types.map((task_type) => team.route({}, { task_type })));
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => team.worker()).map((worker) =>
        worker.post<ClaimedBody>('/tasks/claim', { task_types: ['a', 'b', 'none', 'a'] }),
      ),
    );
    const claimed = answers.filter(({ status }) => status === 200).map(({ body }) => body.task.id);
    expect(claimed.sort()).toEqual(ids.sort());
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(5);
  });

  it('POST /tasks/claim finds a later attempt by its type', async () => {
    const id = await team.route({}, { task_type: 'wanted' });
    const worker = team.worker();
    const { session } = await team.claim(worker, { task_types: ['wanted'] });
    await worker.post(`/sessions/${session.id}/release`, {});
    const again = await team.claim(undefined, { task_types: ['wanted'] });
    expect([again.task.id, again.session.attempt]).toEqual([id, 2]);
  });

  it.each([30, 3600])('accepts a lease of %i seconds', async (lease_seconds) => {
    await team.route();
    const { session } = await team.claim(undefined, { lease_seconds });
    const left = (Date.parse(session.lease_expires_at ?? '') - Date.now()) / 1000;
    expect(Math.abs(left - lease_seconds)).toBeLessThan(10);
  });

  it('400 when the agent has two roles and names none', async () => {
    const id = await team.route();
    const both = team.agent([team.role, team.requesterRole]);
    const named = await both.post<ClaimedBody>('/tasks/claim', { role: team.role });
    expect(named.body.task.id).toBe(id);
    const other = await team.route();
    expect((await both.post<ClaimedBody>(`/tasks/${other}/claim`, {})).body.session.role).toBe(
      team.role,
    );
    expect((await both.post(`/tasks/${other}/cancel`, {})).body.status).toBe('cancelled');
    expect((await both.get(`/tasks/wait?wait_seconds=0&role=${team.role}`)).status).toBe(204);
  });

  it('replays a claim with its idempotency key', async () => {
    const [first, second] = [await team.route(), await team.route()];
    const worker = team.worker();
    const key = { 'idempotency-key': randomUUID() };
    const claims = await Promise.all(
      Array.from({ length: 4 }, () => worker.post<ClaimedBody>('/tasks/claim', {}, key)),
    );
    expect(claims.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    const replays = claims.filter(({ body }) => 'replayed' in body);
    expect(replays).toHaveLength(3);
    expect(new Set(claims.map(({ body }) => body.session.id)).size).toBe(1);
    expect(claims[0]?.body.task.id).toBe(first);
    expect((await inbox()).tasks).toMatchObject([{ id: second }]);
  });

  it('stores no empty response', async () => {
    const worker = team.worker();
    const key = { 'idempotency-key': randomUUID() };
    expect((await worker.post('/tasks/claim', {}, key)).status).toBe(204);
    const id = await team.route();
    const claimed = await worker.post<ClaimedBody>('/tasks/claim', {}, key);
    expect([claimed.status, claimed.body.task.id]).toEqual([200, id]);
  });

  it('complete a notification with its claim, in the priority of its data', async () => {
    const normal = await team.route();
    const loud = await team.route({}, { task_type: 'notification', data: { priority: 'high' } });
    const said = { task_type: 'notification', data: { priority: 'high' } };
    const overruled = await team.route({ priority: 'low' }, said);
    const odd = await team.route({}, { task_type: 'notification', data: { priority: 'loud' } });
    const asData = await team.route({}, { data: { priority: 'high' } });
    expect((await inbox()).tasks.map(({ id, priority }) => [id, priority])).toEqual([
      [loud, 'high'],
      [normal, 'normal'],
      [odd, 'normal'],
      [asData, 'normal'],
      [overruled, 'low'],
    ]);
    const { task, session } = await team.claim();
    expect(task).toMatchObject({ id: loud, status: 'completed' });
    expect(session).toMatchObject({ status: 'completed', version: 3, ended_reason: 'completed' });
    expect(await team.events(loud)).toEqual([
      'task_routed',
      'task_claimed',
      'session_transitioned completed',
    ]);
  });

  it('GET /metrics counts claims and the time in the inbox', async () => {
    const before = await metrics(mesh);
    await team.route();
    await team.claim();
    const after = await metrics(mesh);
    expect(after('mesh_task_claims_total') - before('mesh_task_claims_total')).toBe(1);
    const waits = `mesh_task_inbox_wait_seconds_count{role="${team.role}"}`;
    expect(after(waits) - before(waits)).toBe(1);
    const moves = 'mesh_session_transitions_total{from="pending",to="active"}';
    expect(after(moves) - before(moves)).toBe(1);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { startTestApp, type TestApp } from '../../support/app.js';
import { type Answer } from '../../support/client.js';
import {
  endLease,
  finish,
  sweepLeases,
  Team,
  repeat,
  type TimelineBody,
  type TreeBody,
} from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';

describe('child tasks', () => {
  let mesh: TestApp;
  let team: Team;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
  });

  /** Asks `target` for a part of a task, as the role that was asked for it. */
  const delegate = (by: string, target: string, parent_task_id: string): Promise<Answer> =>
    team.agent(by).post('/tasks/route', {
      ...{ target, parent_task_id },
      task: { task_type: 'part' },
    });

  const idOf = ({ body }: Answer): string => String(body.task_id).slice('task-'.length);

  /** Routes a task to the first role, a part of it to the second, and so on; gives their ids. */
  async function chain(...roles: string[]): Promise<string[]> {
    const ids = [await team.route({ target: roles[0] })];
    for (const [index, role] of roles.entries()) {
      if (index > 0) ids.push(idOf(await delegate(roles[index - 1] ?? '', role, ids.at(-1) ?? '')));
    }
    return ids;
  }

  it('404 unless the requester can read the parent', async () => {
    const parent = await team.route();
    const part = await delegate(team.role, 'legal', `task-${parent}`);
    expect(part.status).toBe(202);
    const { body } = await team.agent('legal').get(`/tasks/${idOf(part)}`);
    expect(body).toMatchObject({ parent_task_id: parent, from_role: team.role });

    const stranger = await delegate('stranger', 'legal', parent);
    const missing = await delegate(team.role, 'legal', randomUUID());
    for (const { status, body: problem } of [stranger, missing]) {
      expect([status, problem.code]).toEqual([404, 'task.not_found']);
    }
  });

  it('422 deeper than eight levels', async () => {
    const ids = await chain('r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7', 'r8');
    expect(new Set(ids).size).toBe(8);
    const ninth = await delegate('r8', 'r9', ids.at(-1) ?? '');
    expect([ninth.status, ninth.body.code]).toEqual([422, 'task.delegation_loop']);
    expect((await delegate('r7', 'r9', ids[6] ?? '')).status).toBe(202);
  });

  it('422 when a role occurs more than five times in the chain', async () => {
    const ids = await chain('a', 'a', 'a', 'a', 'a');
    const sixth = await delegate('a', 'a', ids.at(-1) ?? '');
    expect([sixth.status, sixth.body.code]).toEqual([422, 'task.delegation_loop']);
    expect((await delegate('a', 'b', ids.at(-1) ?? '')).status).toBe(202);
    await repeat(6, async () => {
      expect((await delegate('a', 'a', ids[0] ?? '')).status).toBe(202);
    });
  });

  it('GET /tasks/:id/tree returns only id and status of invisible tasks', async () => {
    const [root = '', middle = '', leaf = ''] = await chain(team.role, 'legal', 'archive');
    const sibling = idOf(await delegate(team.role, 'finance', root));
    await finish(team.agent('archive'), await sessionOf(leaf), { status: 'active' });

    const whole = await team.agent('auditor').get<TreeBody>(`/tasks/${root}/tree`);
    const part = { task_type: 'part', children: [] };
    expect(whole.body).toEqual({
      ...{ id: root, status: 'pending', task_type: 'review' },
      ...{ from_role: team.requesterRole, to_role: team.role },
      children: [
        {
          ...{ ...part, id: middle, status: 'pending', from_role: team.role, to_role: 'legal' },
          children: [
            { ...part, id: leaf, status: 'active', from_role: 'legal', to_role: 'archive' },
          ],
        },
        { ...part, id: sibling, status: 'pending', from_role: team.role, to_role: 'finance' },
      ],
    });

    const requester = await team.requester.get<TreeBody>(`/tasks/${root}/tree`);
    expect(requester.body.children).toEqual([
      {
        ...{ id: middle, status: 'pending' },
        children: [{ id: leaf, status: 'active', children: [] }],
      },
      { id: sibling, status: 'pending', children: [] },
    ]);
    const branch = await team.agent('legal').get<TreeBody>(`/tasks/${middle}/tree`);
    expect(branch.body.children).toMatchObject([{ id: leaf, to_role: 'archive' }]);
    for (const id of [root, randomUUID()]) {
      const refused = await team.agent('archive').get(`/tasks/${id}/tree`);
      expect([refused.status, refused.body.code]).toEqual([404, 'task.not_found']);
    }
  });

  it('GET /tasks/:id/tree returns at most 1,000 tasks', async () => {
    const root = await team.route();
    await mesh.query(COPIES, [root, 1_200]);
    const { body } = await team.requester.get<TreeBody>(`/tasks/${root}/tree`);
    expect(body.children).toHaveLength(999);
  });

  async function sessionOf(id: string): Promise<string> {
    const { body } = await team.agent('auditor').get(`/tasks/${id}`);
    return String(body.session_id);
  }
});

describe('GET /tasks/:id/timeline', () => {
  let mesh: TestApp;
  let team: Team;

  beforeAll(async () => {
    mesh = await startTestApp();
  });

  beforeEach(() => {
    team = new Team(mesh);
  });

  afterAll(() => mesh.close());

  it('returns the role that the task waits for, and since when', async () => {
    const due = new Date(Date.now() + 60_000).toISOString();
    const id = await team.route({ not_before: due });
    const { created_at } = await firstAttempt(id);
    expect(await team.waitsFor(id)).toEqual([
      { what: 'due_time', who: team.role, since: created_at },
    ]);
    const past = new Date(Date.parse(created_at) + 1).toISOString();
    await mesh.query(`UPDATE sessions SET not_before = $2 WHERE task_id = $1`, [id, past]);
    expect(await team.waitsFor(id)).toEqual([{ what: 'claim', who: team.role, since: past }]);

    const worker = team.worker();
    const { session } = await team.claim(worker);
    const [working] = await team.waitsFor(id);
    expect(working).toMatchObject({ what: 'worker', who: session.claimed_by });
    await worker.put(`/sessions/${session.id}`, { metadata: { step: 2 } });
    await worker.post(`/sessions/${session.id}/heartbeat`, {});
    await team.requester.post('/approvals', { task_id: id, approver_role: 'legal' });
    expect(await team.waitsFor(id)).toEqual([
      working,
      {
        what: 'approval',
        who: 'legal',
        since: expect.any(String),
        approval_id: expect.any(String),
      },
    ]);
    await finish(worker, session.id);
    expect(await team.waitsFor(id)).toEqual([]);
  });

  it('starts the wait for a claim at the creation of the task', async () => {
    const id = await team.route({ not_before: '2020-01-01T00:00:00Z' });
    const { created_at } = await firstAttempt(id);
    expect(await team.waitsFor(id)).toEqual([{ what: 'claim', who: team.role, since: created_at }]);
  });

  it('returns events in order to participants', async () => {
    const id = await team.route();
    const worker = team.worker();
    const { session } = await team.claim(worker);
    await worker.post(`/sessions/${session.id}/release`, { reason: 'busy' });
    const next = await team.claim(worker);
    await endLease(mesh, next.session.id);
    await sweepLeases(mesh);
    const { body } = await worker.get<TimelineBody>(`/tasks/${id}/timeline`);
    expect(body.complete).toBe(true);
    expect(body.events.map(({ event, role, from, to }) => [event, role, from, to])).toEqual([
      ['task_routed', team.requesterRole, undefined, undefined],
      ['task_claimed', team.role, 'pending', 'active'],
      ['task_released', team.role, 'active', 'failed'],
      ['attempt_opened', team.role, undefined, undefined],
      ['task_claimed', team.role, 'pending', 'active'],
      ['session_transitioned', 'system', 'active', 'failed'],
      ['attempt_opened', 'system', undefined, undefined],
    ]);
    expect(body.events[2]).toMatchObject({ actor: session.claimed_by, told: 'busy' });
    expect(body.events.map(({ at }) => at)).toEqual(body.events.map(({ at }) => at).sort());

    const stranger = await team.agent('stranger').get(`/tasks/${id}/timeline`);
    expect([stranger.status, stranger.body.code]).toEqual([404, 'task.not_found']);
    expect((await team.agent('auditor').get(`/tasks/${id}/timeline`)).status).toBe(200);
    expect((await worker.get(`/tasks/${randomUUID()}/timeline`)).status).toBe(404);
  });

  it('returns the oldest 1,000 events, with complete false', async () => {
    const id = await team.route();
    await mesh.query(EVENTS, [id, 1_000]);
    const { body } = await team.requester.get<TimelineBody>(`/tasks/${id}/timeline`);
    expect([body.events.length, body.complete]).toEqual([1_000, false]);
    expect(body.events[0]?.event).toBe('task_routed');
  });

  async function firstAttempt(id: string): Promise<{ created_at: string }> {
    const [attempt] = (await team.task(id)).attempts;
    if (!attempt) throw new Error('a task has an attempt');
    return attempt;
  }
});

/** Makes a task the parent of copies of itself. */
const COPIES = `
  WITH part AS (
    INSERT INTO tasks (id, task_type, description, from_role, to_role, trace_id, idempotency_key, created_by, parent_task_id)
    SELECT gen_random_uuid(), 'part', '', from_role, to_role, trace_id, gen_random_uuid(), created_by, id
      FROM tasks, generate_series(1, $2::integer) WHERE id = $1
    RETURNING id, to_role, trace_id, created_by
  ), attempt AS (
    INSERT INTO sessions (id, role, task_id, status, trace_id, created_by, attempt, attempts_left)
    SELECT gen_random_uuid(), to_role, id, 'pending', trace_id, created_by, 1, 2 FROM part
    RETURNING id, task_id, trace_id
  )
  INSERT INTO audit_events (id, event_type, role, actor, trace_id, task_id, session_id, metadata)
  SELECT gen_random_uuid(), 'task_routed', 'r', 'a', trace_id, task_id, id, '{"version": 1}' FROM attempt`;

const EVENTS = `
  INSERT INTO audit_events (id, event_type, role, actor, trace_id, task_id)
  SELECT gen_random_uuid(), 'agent.work.noted', 'r', 'a', trace_id, id
    FROM tasks, generate_series(1, $2::integer) WHERE id = $1`;

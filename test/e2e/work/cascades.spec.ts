import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { TestApp } from '../../support/app.js';
import type { Answer, Client } from '../../support/client.js';
import { finish, type TaskBody, Team, repeat, type TimelineBody } from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';

/** How often each race is run. */
const ROUNDS = 6;

type Cancelled = TaskBody & { cancelled_tasks?: string[]; code: string };

describe('POST /tasks/:id/cancel with cascade', () => {
  let mesh: TestApp;
  let team: Team;
  let auditor: Client;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
    auditor = team.agent('auditor');
  });

  const cancel = (id: string, body: unknown = { cascade: true }, by = team.requester, key = {}) =>
    by.post<Cancelled>(`/tasks/${id}/cancel`, body, key);

  const delegate = (from_role: string, target: string, parent_task_id: string): Promise<Answer> =>
    team.agent([from_role, 'auditor']).post('/tasks/route', {
      ...{ target, parent_task_id, from_role },
      task: { task_type: 'part' },
    });

  async function part(from: string, target: string, parent: string): Promise<string> {
    const routed = await delegate(from, target, parent);
    if (routed.status !== 202) throw new Error(`not routed: ${routed.text}`);
    return String(routed.body.task_id).slice('task-'.length);
  }

  const statusOf = async (id: string): Promise<string> =>
    (await auditor.get<TaskBody>(`/tasks/${id}`)).body.status;

  const statusesOf = (ids: readonly string[]): Promise<string[]> => Promise.all(ids.map(statusOf));

  const sessionOf = async (id: string): Promise<string> =>
    (await auditor.get<TaskBody>(`/tasks/${id}`)).body.session_id;

  const cancellationsOf = async (id: string): Promise<number> => {
    const { body } = await auditor.get<TimelineBody>(`/tasks/${id}/timeline`);
    return body.events.filter(({ event }) => event === 'task_cancelled').length;
  };

  it('cancels all descendants, also below ended tasks, and nothing else', async () => {
    const root = await team.route();
    const legal = await part(team.role, 'legal', root);
    const archive = await part('legal', 'archive', legal);
    const mine = await part(team.requesterRole, 'finance', archive);
    const stranger = await part('other', 'legal', root);
    const belowStranger = await part('legal', 'archive', stranger);
    const mineBelowStranger = await part(team.requesterRole, 'archive', stranger);
    const lawyer = team.agent('legal');
    await lawyer.post(`/tasks/${legal}/claim`, {});
    expect((await finish(lawyer, await sessionOf(legal))).status).toBe(200);

    const answer = await cancel(root, { cascade: true, reason: 'The budget was cut' });
    expect([answer.status, answer.body.status]).toEqual([200, 'cancelled']);
    expect(answer.body.cancelled_tasks?.[0]).toBe(root);
    const cancelled = [root, archive, mine, mineBelowStranger];
    expect(new Set(answer.body.cancelled_tasks)).toEqual(new Set(cancelled));
    expect(await statusesOf(cancelled)).toEqual(cancelled.map(() => 'cancelled'));
    expect(await statusesOf([legal, stranger, belowStranger])).toEqual([
      ...['completed', 'pending', 'pending'],
    ]);
    const { body } = await auditor.get<TimelineBody>(`/tasks/${archive}/timeline`);
    expect(body.events.at(-1)).toMatchObject({
      ...{ event: 'task_cancelled', role: team.requesterRole },
      ...{ told: 'The budget was cut', cause: root },
    });
    const own = await auditor.get<TimelineBody>(`/tasks/${root}/timeline`);
    expect(own.body.events.at(-1)).not.toHaveProperty('cause');
  });

  it('cancels the whole tree for an admin', async () => {
    const root = await team.route();
    const stranger = await part('other', 'legal', root);
    const answer = await cancel(root, { cascade: true }, team.agent('admin'));
    expect(answer.body.cancelled_tasks).toEqual([root, stranger]);
  });

  it.each([{}, { cascade: false }, { cascade: null }])(
    'keeps the child tasks with %j',
    async (body) => {
      const root = await team.route();
      const below = await part(team.role, 'legal', root);
      const answer = await cancel(root, body);
      expect([answer.status, answer.body.status]).toEqual([200, 'cancelled']);
      expect(answer.body).not.toHaveProperty('cancelled_tasks');
      expect(await statusOf(below)).toBe('pending');
    },
  );

  it.each(['yes', 1, 'true', [], {}])('400 with cascade %j', async (cascade) => {
    const root = await team.route();
    expect((await cancel(root, { cascade })).status).toBe(400);
    expect(await statusOf(root)).toBe('pending');
  });

  it('403 unless the caller is the requester of the root or an admin, 409 when the root has ended', async () => {
    const root = await team.route();
    const below = await part(team.role, 'legal', root);
    const refused = await cancel(root, { cascade: true }, team.worker());
    expect([refused.status, refused.body.code]).toEqual([403, 'auth.forbidden']);
    expect((await cancel(root, { cascade: true }, team.agent('stranger'))).status).toBe(404);
    await cancel(root, {});
    const late = await cancel(root);
    expect([late.status, late.body.code]).toEqual([409, 'task.finished']);
    expect(await statusOf(below)).toBe('pending');
  });

  it('withdraws all pending approvals', async () => {
    const root = await team.route();
    const below = await part(team.role, 'legal', root);
    const asked = await team.agent('legal').post('/approvals', {
      ...{ task_id: below, approver_role: 'manager', reason: 'May I?' },
    });
    expect(asked.status).toBe(202);
    expect((await cancel(root)).status).toBe(200);
    expect((await auditor.get<TaskBody>(`/tasks/${below}`)).body.approvals).toMatchObject([
      { status: 'withdrawn' },
    ]);
  });

  it('409 for more than 200 open tasks', async () => {
    const root = await team.route();
    await mesh.query(COPIES, [root, 200]);
    const refused = await cancel(root);
    expect([refused.status, refused.body.code]).toEqual([409, 'task.cascade_limit']);
    expect(await mesh.query(CANCELLED, [root])).toEqual([]);
    await mesh.query(
      `UPDATE sessions SET status = 'expired', ended_reason = 'worker', version = version
        WHERE id = (SELECT s.id FROM sessions s JOIN tasks t ON t.id = s.task_id
                     WHERE t.parent_task_id = $1 LIMIT 1)`,
      [root],
    );
    const answer = await cancel(root);
    expect([answer.status, answer.body.cancelled_tasks?.length]).toEqual([200, 200]);
    expect(await mesh.query(CANCELLED, [root])).toHaveLength(199);
    await mesh.query(`UPDATE tasks SET parent_task_id = NULL WHERE parent_task_id = $1`, [root]);
  });

  it('POST /tasks/route: 409 below a cancelled task until it is retried', async () => {
    const root = await team.route();
    await cancel(root);
    const refused = await delegate(team.role, 'legal', root);
    expect([refused.status, refused.body.code]).toEqual([409, 'task.cancelled']);
    const hidden = await team.agent('stranger').post('/tasks/route', {
      ...{ target: 'legal', parent_task_id: root },
      task: { task_type: 'part' },
    });
    expect([hidden.status, hidden.body.code]).toEqual([404, 'task.not_found']);
    await team.requester.post(`/tasks/${root}/retry`, {});
    expect((await delegate(team.role, 'legal', root)).status).toBe(202);
  });

  it('cancels once with an idempotency key', async () => {
    const root = await team.route();
    const below = await part(team.role, 'legal', root);
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(
      [1, 2, 3].map(() => cancel(root, { cascade: true }, team.requester, key)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[0]?.body.cancelled_tasks).toEqual([root, below]);
    expect(await cancellationsOf(below)).toBe(1);
  });

  it('concurrent with a claim of a child: the claim is lost or refused', async () => {
    await repeat(ROUNDS, async () => {
      const root = await team.route();
      const below = await part(team.role, 'legal', root);
      const [answer, claimed] = await Promise.all([
        cancel(root),
        team.agent('legal').post(`/tasks/${below}/claim`, {}),
      ]);
      expect(answer.body.cancelled_tasks).toEqual([root, below]);
      expect([200, 409]).toContain(claimed.status);
      expect(await statusOf(below)).toBe('cancelled');
      expect(await cancellationsOf(below)).toBe(1);
    });
  });

  it('concurrent with a completion of a child: one of the two succeeds', async () => {
    await repeat(ROUNDS, async () => {
      const root = await team.route();
      const below = await part(team.role, 'legal', root);
      const worker = team.agent('legal');
      await worker.post(`/tasks/${below}/claim`, {});
      const session = await sessionOf(below);
      const [answer, completed] = await Promise.all([cancel(root), finish(worker, session)]);
      expect(answer.status).toBe(200);
      const won = completed.status === 200;
      expect(await statusOf(below)).toBe(won ? 'completed' : 'cancelled');
      expect(answer.body.cancelled_tasks).toEqual(won ? [root] : [root, below]);
    });
  });

  it('concurrent with a retry of a child: the new attempt is cancelled or later', async () => {
    await repeat(ROUNDS, async () => {
      const root = await team.route();
      const below = await part(team.role, 'legal', root);
      const worker = team.agent('legal');
      await worker.post(`/tasks/${below}/claim`, {});
      await finish(worker, await sessionOf(below), { status: 'failed' });
      const [answer, retried] = await Promise.all([
        cancel(root),
        team.worker().post(`/tasks/${below}/retry`, {}),
      ]);
      expect([answer.status, retried.status]).toEqual([200, 200]);
      const included = answer.body.cancelled_tasks?.includes(below);
      expect(await statusOf(below)).toBe(included ? 'cancelled' : 'pending');
    });
  });

  it('concurrent with new child tasks: each is cancelled or refused', async () => {
    await repeat(ROUNDS, async () => {
      const root = await team.route();
      const below = await part(team.role, 'legal', root);
      const [answer, ...routed] = await Promise.all([
        cancel(root),
        ...[1, 2, 3, 4].flatMap(() => [
          delegate(team.role, 'legal', root),
          delegate('legal', 'archive', below),
        ]),
      ]);
      expect(answer.status).toBe(200);
      const ids = routed
        .filter(({ status }) => status === 202)
        .map(({ body }) => String(body.task_id).slice('task-'.length));
      const refused = routed.filter(({ status }) => status !== 202);
      expect(refused.map(({ body }) => body.code)).toEqual(refused.map(() => 'task.cancelled'));
      expect(new Set(answer.body.cancelled_tasks)).toEqual(new Set([root, below, ...ids]));
      expect(await statusesOf(ids)).toEqual(ids.map(() => 'cancelled'));
    });
  });

  it('concurrent with other cascades of the tree', async () => {
    await repeat(ROUNDS, async () => {
      const root = await team.route();
      const below = await part(team.role, 'legal', root);
      const leaves = await Promise.all([1, 2, 3].map(() => part('legal', 'archive', below)));
      const answers = await Promise.all([
        cancel(root),
        cancel(root),
        cancel(below, { cascade: true }, team.worker()),
      ]);
      expect(answers.filter(({ status }) => status !== 200 && status !== 409)).toEqual([]);
      expect(answers.slice(0, 2).filter(({ status }) => status === 200)).toHaveLength(1);
      const all = [root, below, ...leaves];
      const lists = answers.flatMap(({ body }) => body.cancelled_tasks ?? []);
      expect(lists.toSorted()).toEqual(all.toSorted());
      expect(await Promise.all(all.map(cancellationsOf))).toEqual(all.map(() => 1));
    });
  });
});

/** So many tasks below a task, as the requester of it routed them. */
const COPIES = `
  WITH copies AS (
    INSERT INTO tasks (id, task_type, description, from_role, to_role, data, trace_id, created_by,
                       parent_task_id, idempotency_key)
    SELECT gen_random_uuid(), 'part', '', from_role, to_role, '{}', trace_id, created_by, id, gen_random_uuid()
      FROM tasks, generate_series(1, $2::integer) WHERE id = $1
    RETURNING id, to_role, trace_id, created_by
  ), attempts AS (
    INSERT INTO sessions (id, role, task_id, status, metadata, trace_id, created_by, attempt, attempts_left)
    SELECT gen_random_uuid(), to_role, id, 'pending', '{}', trace_id, created_by, 1, 2 FROM copies
    RETURNING id, task_id, role, trace_id
  )
  INSERT INTO audit_events (id, event_type, role, actor, timestamp, trace_id, task_id, session_id, metadata)
  SELECT gen_random_uuid(), 'task_routed', role, 'test', clock_timestamp(), trace_id, task_id, id, '{"version": 1}'
    FROM attempts`;

const CANCELLED = `
  SELECT 1 FROM sessions s JOIN tasks t ON t.id = s.task_id
   WHERE t.parent_task_id = $1 AND s.ended_reason = 'cancelled'`;

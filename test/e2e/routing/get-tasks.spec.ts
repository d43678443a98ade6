import { describe, expect, it } from '@jest/globals';
import { newSubject } from '../../support/app.js';
import { Client } from '../../support/client.js';
import { routedTask, TASK, type TaskPage } from '../../support/tasks.js';
import { useSharedApp, expectProblem } from '../../support/kit.js';

describe('GET /tasks', () => {
  const mesh = useSharedApp();

  const list = async (client: Client, query = '') => {
    const answer = await client.get<TaskPage>(`/tasks?${query}`);
    expect(answer.status).toBe(200);
    return answer.body.tasks.map(({ id }) => id);
  };

  it('returns the tasks in which the caller’s roles participate; all to admins and auditors', async () => {
    const [from, to, approver] = [newSubject('from'), newSubject('to'), newSubject('approver')];
    const { id } = await routedTask(mesh, { target: to, task: TASK }, from);
    expect(await list(mesh.agent(from))).toEqual([id]);
    expect(await list(mesh.agent(to))).toEqual([id]);
    expect(await list(mesh.agent(approver))).toEqual([]);
    await mesh.agent(from).post('/approvals', { task_id: id, approver_role: approver });
    expect(await list(mesh.agent(approver))).toEqual([id]);
    for (const staff of ['admin', 'auditor'])
      expect(await list(mesh.agent(staff), `to_role=${to}`)).toEqual([id]);
    expect(await list(mesh.agent(newSubject('stranger')), `to_role=${to}`)).toEqual([]);
  });

  it('filters by role, type, status, trace and creation time', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const one = await routedTask(mesh, { target: to, task: { task_type: 'one' } }, from);
    const two = await routedTask(mesh, { target: to, task: { task_type: 'two' } }, from);
    const back = await routedTask(mesh, { target: from, task: { task_type: 'one' } }, to);
    await mesh.agent(to).put(`/sessions/${two.session_id}`, { status: 'active' });
    const client = mesh.agent(from);
    const [{ created_at } = { created_at: '' }] = await mesh.query<{ created_at: Date }>(
      `SELECT created_at FROM tasks WHERE id = $1`,
      [two.id],
    );
    const since = new Date(created_at).toISOString();
    expect(await list(client)).toEqual([back.id, two.id, one.id]);
    expect(await list(client, `to_role=${to}`)).toEqual([two.id, one.id]);
    expect(await list(client, `from_role=${to}`)).toEqual([back.id]);
    expect(await list(client, 'task_type=one')).toEqual([back.id, one.id]);
    expect(await list(client, 'status=active')).toEqual([two.id]);
    expect(await list(client, 'status=pending')).toEqual([back.id, one.id]);
    expect(await list(client, `trace_id=${one.trace_id}`)).toEqual([one.id]);
    expect(await list(client, `created_since=${since}`)).toEqual([back.id, two.id]);
    expect(await list(client, 'created_since=2999-01-01T00:00:00%2B02:00')).toEqual([]);
    const all = `to_role=${to}&from_role=${from}&task_type=two&status=active&trace_id=${two.trace_id}`;
    expect(await list(client, all)).toEqual([two.id]);
    expect(await list(client, `${all}&created_since=2999-01-01T00:00:00Z`)).toEqual([]);
  });

  it.each(['completed', 'failed', 'expired'])('filters by the status %s', async (status) => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const { id, session_id } = await routedTask(mesh, { target: to, task: TASK }, from);
    const worker = mesh.agent(to);
    await worker.put(`/sessions/${session_id}`, { status: 'active' });
    await worker.put(`/sessions/${session_id}`, { status });
    expect(await list(mesh.agent(from), `status=${status}`)).toEqual([id]);
    expect(await list(mesh.agent(from), 'status=active')).toEqual([]);
    expect((await mesh.agent(from).get(`/tasks/${id}`)).body.status).toBe(status);
  });

  it('derives the status from attempts, not from plain sessions', async () => {
    const from = newSubject('from');
    const { id } = await routedTask(mesh, { target: newSubject('to'), task: TASK }, from);
    const client = mesh.agent(from);
    const beside = await client.post('/sessions', { role: from, task_id: id });
    await client.put(`/sessions/${String(beside.body.id)}`, { status: 'active' });
    expect((await client.get(`/tasks/${id}`)).body).toMatchObject({
      status: 'pending',
      attempts: [{ attempt: 1 }],
    });
  });

  it('returns every task once by cursor, while tasks of the same instant and newer ones are added', async () => {
    const [from, to] = [newSubject('from'), newSubject('to')];
    const insert = (at: string) =>
      mesh.query<{ id: string }>(
        `WITH task AS (
         INSERT INTO tasks (id, task_type, description, from_role, to_role, trace_id, idempotency_key, created_at, created_by)
         SELECT gen_random_uuid(), 'x', '', $1, $2, gen_random_uuid(), gen_random_uuid(), ${at}, 'test'
           FROM generate_series(1, 9) n RETURNING id, trace_id
       ), attempt AS (
         INSERT INTO sessions (id, role, task_id, status, trace_id, created_by, attempt, attempts_left)
         SELECT gen_random_uuid(), $2, id, 'pending', trace_id, 'test', 1, 2 FROM task
       )
       SELECT id FROM task`,
        [from, to],
      );
    const old = [
      ...(await insert(`date_trunc('hour', now()) - interval '1 hour'`)),
      ...(await insert(
        `date_trunc('hour', now()) - interval '1 hour' + n * interval '1 microsecond'`,
      )),
    ].map(({ id }) => id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const more: string = cursor === null ? '' : `&cursor=${cursor}`;
      const page = await mesh.agent(from).get<TaskPage>(`/tasks?page_size=4${more}`);
      seen.push(...page.body.tasks.map(({ id }) => id));
      cursor = page.body.next_cursor;
      await insert('now()');
    } while (cursor !== null);
    expect(new Set(seen).size).toBe(seen.length);
    expect(new Set(seen)).toEqual(new Set(old));
  });

  it.each([
    'page=1',
    'page_size=0',
    'page_size=101',
    'status=done',
    'status=dead&status=pending',
    'trace_id=7',
    'task_type=',
    `task_type=${'t'.repeat(51)}`,
    'task_type=%00',
    'to_role=',
    'created_since=yesterday',
    'created_since=2026-01-31',
    'created_since=2026-02-31T00:00:00Z',
    'created_since=2026-01-31T00:00:00',
    'created_since=0000-01-01T00:00:00Z',
    'created_since=2026-01-31T00:00:00%2B24:00',
    'cursor=x',
    'toString=x',
  ])('400 with ?%s', async (query) => {
    expectProblem(await mesh.agent('finance').get(`/tasks?${query}`), 400, 'request.invalid');
  });
});

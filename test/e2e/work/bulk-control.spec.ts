import { describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { BulkResultDto } from '../../../src/tasks/dto/bulk-control.dto.js';
import { newSubject, type TestApp } from '../../support/app.js';
import type { Client } from '../../support/client.js';
import { metrics } from '../../support/work.js';
import { finish, type Json, Team } from '../../support/work.js';
import { useTeams } from '../../support/use-teams.js';

type Result = Json<BulkResultDto>;

describe('POST /tasks/cancel and /tasks/retry', () => {
  let mesh: TestApp;
  let team: Team;
  let worker: Client;

  useTeams((aTeam, aMesh) => {
    mesh = aMesh;
    team = aTeam;
    worker = team.worker();
  });

  const change = (
    how: 'cancel' | 'retry',
    body: Record<string, unknown>,
    by = team.requester,
    headers: Record<string, string> = {},
  ) => by.post<Result>(`/tasks/${how}`, { dry_run: false, ...body }, headers);
  const routeMany = (count: number, more = {}, task = {}) =>
    Promise.all(Array.from({ length: count }, () => team.route(more, task)));
  const statusesOf = async (ids: readonly string[]) =>
    Promise.all(ids.map(async (id) => (await team.task(id)).status));
  const eventsOf = (type: string) =>
    mesh.query<{ task_id: string; role: string; metadata: Record<string, unknown> }>(
      `SELECT e.task_id, e.role, e.metadata FROM audit_events e JOIN tasks t ON t.id = e.task_id
        WHERE e.event_type = $1 AND t.to_role = $2`,
      [type, team.role],
    );

  it('the dry run is the default and changes nothing', async () => {
    const ids = await routeMany(3);
    const { status, body } = await team.requester.post<Result>('/tasks/cancel', {
      to_role: team.role,
      reason: 'x',
    });
    expect([status, body]).toMatchObject([
      200,
      { dry_run: true, total: 3, total_is_exact: true, changed: [], refused: [] },
    ]);
    expect(body.tasks.map(({ id }) => id).sort()).toEqual([...ids].sort());
    expect(body.tasks[0]).toMatchObject({
      ...{ task_type: 'review', from_role: team.requesterRole, to_role: team.role },
      status: 'pending',
    });
    expect(await statusesOf(ids)).toEqual(['pending', 'pending', 'pending']);
  });

  it('cancel and retry record one event for each task, with the reason', async () => {
    const ids = await routeMany(3);
    const { session } = await team.claim(worker);
    const cancelled = await change('cancel', { to_role: team.role, reason: 'Budget cut' });
    expect(cancelled.body).toMatchObject({ dry_run: false, total: 3, refused: [] });
    expect([...cancelled.body.changed].sort()).toEqual([...ids].sort());
    expect(await statusesOf(ids)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    const heartbeat = await worker.post(`/sessions/${session.id}/heartbeat`, {});
    expect([heartbeat.status, heartbeat.body]).toMatchObject([409, { code: 'task.cancelled' }]);

    const retried = await change('retry', {
      status: 'cancelled',
      to_role: team.role,
      reason: 'Go',
    });
    expect([...retried.body.changed].sort()).toEqual([...ids].sort());
    expect(await statusesOf(ids)).toEqual(['pending', 'pending', 'pending']);
    for (const [type, told] of [
      ['task_cancelled', 'Budget cut'],
      ['task_retried', 'Go'],
    ] as const) {
      const events = await eventsOf(type);
      expect(events.map(({ task_id }) => task_id).sort()).toEqual([...ids].sort());
      for (const { role, metadata } of events)
        expect([role, metadata.told]).toEqual([team.requesterRole, told]);
    }
    expect((await worker.post('/tasks/claim', {})).status).toBe(200);
  });

  it('each member of the filter selects', async () => {
    const trace_id = randomUUID();
    const old = await team.route({}, { task_type: 'rare' });
    const { created_at } = await team.task(old);
    const traced = await team.requester.post<{ task_id: string }>(
      '/tasks/route',
      { target: team.role, task: { task_type: 'review' } },
      { 'X-Trace-Id': trace_id },
    );
    await team.claim(worker, { task_types: ['rare'] });
    const second = traced.body.task_id.slice('task-'.length);
    const later = new Date(Date.parse(created_at) + 1).toISOString();
    const matching = async (filter: Record<string, unknown>) =>
      (await change('cancel', { from_role: team.requesterRole, dry_run: true, ...filter })).body
        .tasks;
    const idsOf = async (filter: Record<string, unknown>) =>
      (await matching(filter)).map(({ id }) => id);

    expect(await idsOf({})).toEqual([old, second]);
    expect(await idsOf({ status: 'active' })).toEqual([old]);
    expect(await idsOf({ task_type: 'review' })).toEqual([second]);
    expect(await idsOf({ trace_id })).toEqual([second]);
    expect(await idsOf({ created_since: later })).toEqual([second]);
    expect(await idsOf({ created_before: later })).toEqual([old]);
    expect(await idsOf({ to_role: newSubject('other') })).toEqual([]);
    expect(await idsOf({ limit: 1 })).toEqual([old]);
  });

  it('a caller changes only what it may control; an admin everything', async () => {
    const ids = await routeMany(2);
    for (const by of [worker, team.agent(newSubject('stranger')), team.agent('auditor')]) {
      for (const filter of [{ to_role: team.role }, { from_role: team.requesterRole }]) {
        const { body } = await change('cancel', filter, by);
        expect(body).toMatchObject({ total: 0, tasks: [], changed: [], refused: [] });
      }
    }
    expect(await statusesOf(ids)).toEqual(['pending', 'pending']);

    const admin = team.agent('admin');
    const filters = [{ from_role: team.requesterRole }, { to_role: team.role }];
    for (const filter of filters)
      expect((await change('cancel', { ...filter, limit: 1 }, admin)).body.changed).toHaveLength(1);
    const events = await eventsOf('task_cancelled');
    expect(events.map(({ role }) => role)).toEqual(['admin', 'admin']);
    const type = newSubject('type');
    const other = await team.route({}, { task_type: type });
    expect((await change('cancel', { task_type: type }, admin)).body.changed).toEqual([other]);
  });

  it('the limit bounds a call; the next call continues', async () => {
    const ids = await routeMany(5);
    const first = await change('cancel', { to_role: team.role, limit: 3 });
    expect([first.body.total, first.body.changed.length]).toEqual([5, 3]);
    const second = await change('cancel', { to_role: team.role, limit: 3 });
    expect([second.body.total, second.body.changed.length]).toEqual([2, 2]);
    expect([...first.body.changed, ...second.body.changed].sort()).toEqual([...ids].sort());
  });

  it('a refused task stays as it is, and the others are changed', async () => {
    const past = await team.route();
    const free = await team.route();
    await change('cancel', { to_role: team.role });
    await mesh.query(
      `UPDATE sessions SET deadline_at = clock_timestamp() - interval '1 second' WHERE task_id = $1`,
      [past],
    );
    const retried = await change('retry', { to_role: team.role });
    expect(retried.body).toMatchObject({
      total: 2,
      changed: [free],
      refused: [{ id: past, code: 'task.finished', detail: expect.any(String) as unknown }],
    });
    expect(await statusesOf([past, free])).toEqual(['cancelled', 'pending']);
  });

  it.each<Record<string, string>>([{}, { 'Idempotency-Key': randomUUID() }])(
    'a task that is refused after its first statements stays as it is (%j)',
    async (headers) => {
      const approver = newSubject('approver');
      const blocked = await team.route({ requires_approval: { role: approver } });
      const first = await team.claim(worker);
      const [required] = await approvalsOf(blocked);
      const decision = { decision: 'rejected', comments: 'No' };
      const path = `/approvals/${required?.id ?? ''}/decision`;
      expect(await team.agent(approver).post(path, decision)).toMatchObject({ status: 200 });
      await finish(worker, first.session.id, { status: 'failed', error: 'no' });
      const asked = await team.requester.post('/approvals', {
        ...{ task_id: `task-${blocked}`, approver_role: approver, reason: 'Another' },
        payload: { question: 1 },
      });
      expect(asked).toMatchObject({ status: 202 });
      const free = await team.route();
      const second = await team.claim(worker);
      await finish(worker, second.session.id, { status: 'failed', error: 'no' });

      const before = await metrics(mesh);
      const retried = await change('retry', { to_role: team.role }, team.requester, headers);
      expect(retried.body).toMatchObject({
        changed: [free],
        refused: [{ id: blocked, code: 'approval.pending_exists' }],
      });
      expect(await statusesOf([blocked, free])).toEqual(['failed', 'pending']);
      expect((await team.task(blocked)).attempts).toHaveLength(1);
      expect((await eventsOf('task_retried')).map(({ task_id }) => task_id)).toEqual([free]);
      expect(await approvalsOf(blocked)).toHaveLength(2);
      const after = await metrics(mesh);
      expect(after('mesh_tasks_routed_total')).toBe(before('mesh_tasks_routed_total'));
    },
  );

  const approvalsOf = (task: string) =>
    mesh.query<{ id: string }>(`SELECT id FROM approvals WHERE task_id = $1 ORDER BY created_at`, [
      task,
    ]);

  it('a repeated key changes once', async () => {
    await routeMany(2);
    const headers = { 'Idempotency-Key': randomUUID() };
    const first = await change('cancel', { to_role: team.role }, team.requester, headers);
    const again = await change('cancel', { to_role: team.role }, team.requester, headers);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.text).toBe(first.text);
    const none = { 'Idempotency-Key': randomUUID() };
    for (let sent = 0; sent < 2; sent++) {
      const nothing = await change('cancel', { to_role: team.role }, team.requester, none);
      expect([nothing.status, nothing.body.changed]).toEqual([200, []]);
    }
    expect(await eventsOf('task_cancelled')).toHaveLength(2);
  });

  it('two at once change each task once', async () => {
    const ids = await routeMany(8);
    const cancelled = await Promise.all([
      change('cancel', { to_role: team.role }),
      change('cancel', { from_role: team.requesterRole }, team.agent('admin')),
    ]);
    expect(cancelled.map(({ status }) => status)).toEqual([200, 200]);
    expect(cancelled.flatMap(({ body }) => body.changed).sort()).toEqual([...ids].sort());
    for (const { code } of cancelled.flatMap(({ body }) => body.refused))
      expect(code).toBe('task.finished');

    const retried = await Promise.all([1, 2].map(() => change('retry', { to_role: team.role })));
    expect(retried.flatMap(({ body }) => body.changed).sort()).toEqual([...ids].sort());
    for (const { code } of retried.flatMap(({ body }) => body.refused))
      expect(['task.open', 'task.finished']).toContain(code);
    expect(await eventsOf('task_retried')).toHaveLength(8);
  });

  it('a worker that completes meanwhile wins or loses as a whole', async () => {
    const ids = await routeMany(6);
    const claims = await Promise.all(ids.map(() => team.claim(team.worker())));
    const [cancelled, ...completed] = await Promise.all([
      change('cancel', { to_role: team.role }),
      ...claims.map(({ session }) => finishAs(worker, session.id)),
      team.requester.post(`/tasks/${ids[0] ?? ''}/cancel`, { cascade: true }),
    ]);
    expect(cancelled.status).toBe(200);
    for (const { status } of completed) expect([200, 403, 409]).toContain(status);
    const statuses = await statusesOf(ids);
    for (const status of statuses) expect(['cancelled', 'completed']).toContain(status);
    const events = await eventsOf('task_cancelled');
    expect(events).toHaveLength(statuses.filter((status) => status === 'cancelled').length);
    for (const id of cancelled.body.changed) expect(statuses[ids.indexOf(id)]).toBe('cancelled');
  });

  const finishAs = (_: Client, id: string) =>
    team.agent('admin').put(`/sessions/${id}`, { status: 'completed' });

  it.each([
    ['no filter', 'cancel', {}],
    ['only a reason', 'retry', { reason: 'x' }],
    ['an unknown member', 'cancel', { role: 'x' }],
    ['a status that cannot be cancelled', 'cancel', { status: 'completed' }],
    ['a status that cannot be retried', 'retry', { status: 'active' }],
    ['a limit of 0', 'cancel', { status: 'pending', limit: 0 }],
    ['a limit of 201', 'cancel', { status: 'pending', limit: 201 }],
    ['a dry_run that is text', 'cancel', { status: 'pending', dry_run: 'false' }],
    ['a trace that is no UUID', 'cancel', { trace_id: 'x' }],
    ['a time without offset', 'cancel', { created_before: '2026-01-01T00:00:00' }],
  ] as const)('%s is 400', async (_, how, body) => {
    expect((await team.requester.post(`/tasks/${how}`, body)).status).toBe(400);
  });

  it('retries what a worker failed', async () => {
    const id = await team.route();
    const { session } = await team.claim(worker);
    await finish(worker, session.id, { status: 'failed', error: 'no' });
    expect((await change('retry', { status: 'dead', to_role: team.role })).body.total).toBe(0);
    const { body } = await change('retry', { status: 'failed', to_role: team.role });
    expect([body.changed, body.tasks[0]?.status]).toEqual([[id], 'failed']);
  });
});

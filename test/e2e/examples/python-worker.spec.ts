import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newSubject, tokenFor } from '../../support/app.js';
import { eventually } from '../../support/eventually.js';
import { FlakyProxy } from '../../support/flaky-proxy.js';
import { useApp } from '../../support/kit.js';
import { ProgramRun } from '../../support/program-run.js';
import { findPython } from '../../support/python-program.js';

interface TaskState {
  status: string;
  attempts: { result: unknown; error: string | null; ended_reason: string }[];
  approvals: { id: string; digest: string; consumed_at: string | null; payload: unknown }[];
}

describe('examples/python/worker.py', () => {
  const mesh = useApp({ env: { LEASE_MIN_SECONDS: '2', SWEEP_INTERVAL_SECONDS: '1' } });
  const folder = mkdtempSync(join(tmpdir(), 'python-worker-'));
  const started: ProgramRun[] = [];
  let role: string;
  let proxy: FlakyProxy | undefined;

  afterEach(async () => {
    for (const worker of started) worker.kill('SIGKILL');
    await Promise.all(started.splice(0).map(({ ended }) => ended));
    await proxy?.close();
    proxy = undefined;
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  let python: Awaited<ReturnType<typeof findPython>>;
  beforeAll(async () => {
    python = await findPython();
  });

  /** Starts a worker for a new role, and waits until it can claim. */
  function start(env: Record<string, string> = {}): ProgramRun {
    role = newSubject('worker-role');
    const file = join(folder, role);
    writeFileSync(file, tokenFor(role));
    const worker = new ProgramRun(python.path, ['-B', 'examples/python/worker.py'], {
      env: {
        ...python.env,
        MESH_URL: mesh.url,
        MESH_TOKEN_FILE: file,
        MESH_ROLE: role,
        MESH_LEASE_SECONDS: '3',
        ...env,
      },
    });
    started.push(worker);
    return worker;
  }

  async function route(task_type: string, data: object): Promise<string> {
    const body = { target: role, task: { task_type, data }, max_attempts: 3 };
    const { body: routed } = await mesh
      .agent('finance', 'router')
      .post<{ task_id: string }>('/tasks/route', body);
    return routed.task_id;
  }

  const stateOf = async (task: string) =>
    (await mesh.agent('finance').get<TaskState>(`/tasks/${task}`)).body;

  const ended = (task: string) =>
    eventually(
      () => stateOf(task),
      ({ status }) => status !== 'pending' && status !== 'active',
    );

  const eventsOf = async (task: string) =>
    (
      await mesh.query<{ event_type: string }>(
        'SELECT event_type FROM audit_events WHERE task_id = $1 ORDER BY timestamp, id',
        [task.slice('task-'.length)],
      )
    ).map(({ event_type }) => event_type);

  async function pendingApproval(task: string): Promise<string> {
    const { approvals } = await eventually(
      () => stateOf(task),
      (state) => state.approvals.length > 0,
    );
    return approvals.at(-1)?.id ?? '';
  }

  it('causes each effect once although every write fails twice', async () => {
    proxy = await FlakyProxy.start(mesh.url);
    start({ MESH_URL: proxy.url });
    const task = await route('budget_approval', { amount: 50_000 });
    const approval = await pendingApproval(task);
    await mesh.agent('cfo').post(`/approvals/${approval}/decision`, { decision: 'approved' });

    const { status, attempts, approvals } = await ended(task);
    expect(status).toBe('completed');
    expect(attempts).toMatchObject([{ result: { approved_amount: 50_000 } }]);
    expect(approvals).toMatchObject([
      { id: approval, consumed_at: expect.any(String), payload: { amount: 50_000 } },
    ]);
    expect(await eventsOf(task)).toEqual([
      'task_routed',
      'task_claimed',
      'approval_requested',
      'approval_decided',
      'approval_consumed',
      'session_transitioned',
    ]);
    const writes = proxy.writes.filter(({ line }) => !line.endsWith('/heartbeat'));
    expect(writes.filter(({ key }) => key === undefined)).toEqual([]);
  });

  it('fails the task for good when the approval is rejected', async () => {
    start();
    const task = await route('budget_approval', { amount: 20_000 });
    const approval = await pendingApproval(task);
    const decision = { decision: 'rejected', comments: 'Not this year' };
    await mesh.agent('cfo').post(`/approvals/${approval}/decision`, decision);

    const { status, attempts } = await ended(task);
    expect(status).toBe('failed');
    expect(attempts).toHaveLength(1);
    expect(attempts[0]?.error).toContain('Not this year');
  });

  it('reports an error of its handler, and the next attempt runs', async () => {
    const worker = start();
    const task = await route('budget_approval', { no_amount: true });
    await worker.reports('KeyError');
    const { attempts } = await eventually(
      () => stateOf(task),
      (state) => state.attempts.length > 1,
    );
    expect(attempts[0]).toMatchObject({ ended_reason: 'worker', error: "KeyError: 'amount'" });
  });

  it('keeps the lease with heartbeats while it works', async () => {
    start({ MESH_LEASE_SECONDS: '2' });
    const task = await route('report', { steps: 4 });
    const { status, attempts } = await ended(task);
    expect(status).toBe('completed');
    expect(attempts).toHaveLength(1);
  });

  it('drops the work when the task is cancelled, and claims the next one', async () => {
    const worker = start();
    const cancelled = await route('report', { steps: 600 });
    await worker.reports(`${cancelled}: claimed`);
    await mesh.agent('finance', 'router').post(`/tasks/${cancelled}/cancel`, {});
    await worker.reports(`${cancelled}: lost`);
    const next = await route('report', { steps: 0 });
    expect(await ended(next)).toMatchObject({ status: 'completed' });
    expect(await stateOf(cancelled)).toMatchObject({ status: 'cancelled' });
  });

  it('is replaced when it is killed, and the approval is requested and consumed once', async () => {
    const killed = start();
    const task = await route('budget_approval', { amount: 30_000 });
    const approval = await pendingApproval(task);
    killed.kill('SIGKILL');
    await killed.ended;
    const heir = new ProgramRun(python.path, ['-B', 'examples/python/worker.py'], {
      env: { ...python.env, MESH_URL: mesh.url, MESH_TOKEN: tokenFor(role) },
    });
    started.push(heir);
    await heir.reports(`${task}: claimed`);
    await mesh.agent('cfo').post(`/approvals/${approval}/decision`, { decision: 'approved' });

    const { status, approvals, attempts } = await ended(task);
    expect(status).toBe('completed');
    expect(attempts).toMatchObject([{ ended_reason: 'lease_lost' }, { ended_reason: 'completed' }]);
    expect(approvals).toMatchObject([{ id: approval, consumed_at: expect.any(String) }]);
  });

  it('uses a renewed token at once', async () => {
    const worker = start();
    const file = join(folder, role);
    writeFileSync(file, 'expired');
    const task = await route('report', { steps: 0 });
    writeFileSync(file, tokenFor(role));
    expect(await ended(task)).toMatchObject({ status: 'completed' });
    worker.kill();
    expect(await worker.ended).toBe(0);
  });

  it('ends on SIGTERM: at once while it waits, and after its task while it works', async () => {
    const worker = start();
    const task = await route('report', { steps: 2 });
    await worker.reports(`${task}: claimed`);
    worker.kill();
    expect(await worker.ended).toBe(0);
    expect(worker.errors).toContain(`${task}: completed`);

    const idle = start();
    const first = await route('report', { steps: 0 });
    await idle.reports(`${first}: completed`);
    idle.kill();
    expect(await idle.ended).toBe(0);
  });

  it('ends with the code of the error when its token is refused', async () => {
    const worker = start({ MESH_TOKEN_FILE: '', MESH_TOKEN: 'wrong' });
    expect(await worker.ended).toBe(1);
    expect(worker.errors).toMatch(/^worker\.py: auth\.[a-z_]+: /m);
  });
});

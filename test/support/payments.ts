import type { MeshClient, TaskDetail } from '@agent-mesh/client';
import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { newSubject, type TestApp, tokenFor } from './app.js';
import { meshClient } from './mesh-client.js';
import { WorkerProcess, type WorkerProcessOptions } from './worker-process.js';

interface Counts {
  status: string;
  attempts: string;
  approvals: string;
  consumed: string;
  transfers: string;
  leases: string;
}

/** A role whose workers pay after an approval, an approver that approves everything, and the cashier. */
export class Payments {
  readonly role = newSubject('payer');
  private readonly approverRole = newSubject('approver');
  private readonly cashierRole = newSubject('cashier');
  private readonly workerSub = newSubject('worker');
  private readonly requester: MeshClient;
  private readonly approver: MeshClient;
  private approving?: Promise<void>;
  private isEnded = false;

  constructor(private readonly mesh: Pick<TestApp, 'url' | 'query'>) {
    this.requester = meshClient(mesh, newSubject('requester'));
    this.approver = meshClient(mesh, this.approverRole);
  }

  /** The options of a worker process; all have the same identity. */
  options(more: Partial<WorkerProcessOptions> = {}): WorkerProcessOptions {
    return {
      baseUrl: this.mesh.url,
      token: tokenFor(this.role, this.workerSub),
      role: this.role,
      approverRole: this.approverRole,
      cashierRole: this.cashierRole,
      leaseSeconds: 30,
      identity: 'exclusive',
      ...more,
    };
  }

  async route(amount: number, maxAttempts = 3): Promise<string> {
    const { task_id } = await this.requester.tasks.route({
      target: this.role,
      task: { task_type: 'payment', data: { amount } },
      max_attempts: maxAttempts,
    });
    return task_id.slice('task-'.length);
  }

  ended(task: string, timeoutMs = 60_000): Promise<TaskDetail> {
    return this.requester.tasks.ended(task, { timeoutMs });
  }

  /** Approves every request until {@link end}. */
  approveAll(): void {
    this.approving = this.approve();
  }

  async end(): Promise<void> {
    this.isEnded = true;
    await this.approving;
  }

  /** The number of everything that the task has caused. */
  async countsOf(task: string): Promise<Counts> {
    const [counts] = await this.mesh.query<Counts>(COUNTS, [task]);
    if (counts === undefined) throw new Error('the task does not exist');
    return counts;
  }

  /** Expects that everything happened once, and that no lease is left. */
  async expectOnce(task: string): Promise<void> {
    const { attempts, ...counts } = await this.countsOf(task);
    expect(Number(attempts)).toBeGreaterThan(0);
    expect(counts).toEqual({
      status: 'completed',
      approvals: '1',
      consumed: '1',
      transfers: '1',
      leases: '0',
    });
  }

  /** Runs worker processes that crash at random, and replaces each that has crashed, until all tasks have ended. */
  async runWithCrashes(
    tasks: readonly string[],
    { processes, ...more }: Partial<WorkerProcessOptions> & { processes: number },
  ): Promise<{ crashes: number }> {
    const options = this.options({ identity: 'shared', leaseSeconds: 8, ...more });
    let crashes = 0;
    let isDone = false;
    const keepRunning = async (): Promise<void> => {
      while (!isDone) {
        const worker = new WorkerProcess(options);
        const ending = finished.then(() => worker.stop());
        if ((await worker.ended) === 'SIGKILL') crashes += 1;
        await Promise.race([ending, worker.ended]);
      }
    };
    const finished = Promise.all(tasks.map((task) => this.ended(task, CRASH_RUN_MS))).then(() => {
      isDone = true;
    });
    await Promise.all(Array.from({ length: processes }, keepRunning));
    await finished;
    return { crashes };
  }

  private async approve(): Promise<void> {
    while (!this.isEnded) {
      for (const { id } of await this.approver.approvals.list({ waiting_for: 'me' }).all())
        await this.approver.approvals.approve(id);
      await sleep(100);
    }
  }
}

const CRASH_RUN_MS = 600_000;

const COUNTS = `
  SELECT (SELECT status FROM sessions WHERE task_id = t.id ORDER BY attempt DESC LIMIT 1) AS status,
         (SELECT count(*) FROM sessions WHERE task_id = t.id) AS attempts,
         (SELECT count(*) FROM approvals WHERE task_id = t.id) AS approvals,
         (SELECT count(*) FROM approvals WHERE task_id = t.id AND consumed_at IS NOT NULL) AS consumed,
         (SELECT count(*) FROM tasks WHERE parent_task_id = t.id) AS transfers,
         (SELECT count(*) FROM sessions WHERE task_id = t.id AND status = 'active') AS leases
    FROM tasks t WHERE t.id = $1`;

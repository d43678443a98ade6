import {
  type MeshClient,
  type TaskHandler,
  Worker,
  type WorkerEvent,
  type WorkerOptions,
} from '@agent-mesh/client';
import { afterEach } from '@jest/globals';
import { newSubject, type TestApp } from './app.js';
import { eventually } from './eventually.js';
import { meshClient } from './mesh-client.js';

export const TASK_TYPE = 'budget_approval';
/** The shortest lease that the controllers of these tests allow. */
export const LEASE_SECONDS = 2;

/** A role of its own, with a requester that routes tasks to it, an approver, and workers. */
export class WorkerTeam {
  readonly role = newSubject('role');
  readonly approverRole = newSubject('approver');
  readonly workerSub = newSubject('worker');
  readonly requester: MeshClient;
  readonly approver: MeshClient;
  readonly events: WorkerEvent[] = [];
  private readonly workers: Worker[] = [];

  constructor(private readonly mesh: TestApp) {
    this.requester = meshClient(mesh, newSubject('requester'));
    this.approver = meshClient(mesh, this.approverRole);
  }

  client(options: Parameters<typeof meshClient>[2] = {}): MeshClient {
    return meshClient(this.mesh, this.role, { sub: this.workerSub, ...options });
  }

  /** Starts a worker with one handler. */
  work(
    handler: TaskHandler,
    options: Partial<WorkerOptions> = {},
    client = this.client(),
    taskType = TASK_TYPE,
  ): Worker {
    const worker = new Worker(client, {
      role: this.role,
      leaseSeconds: LEASE_SECONDS,
      handleSignals: false,
      onEvent: (event) => this.events.push(event),
      ...options,
    }).on(taskType, handler);
    this.workers.push(worker);
    worker.start().catch((error: unknown) => this.events.push({ type: 'error', error }));
    return worker;
  }

  /** Routes a task to the role; returns its id. */
  async route(
    data: Record<string, unknown> = {},
    more: Partial<Parameters<MeshClient['tasks']['route']>[0]> = {},
  ): Promise<string> {
    const { task_id } = await this.requester.tasks.route({
      target: this.role,
      task: { task_type: TASK_TYPE, data },
      ...more,
    });
    return task_id.slice('task-'.length);
  }

  /** Decides the next approval that waits for the approver. */
  async decideNext(decision: 'approved' | 'rejected', approver = this.approver): Promise<string> {
    const read = async () => approver.approvals.list({ waiting_for: 'me' }).all(1);
    const [approval] = await eventually(read, ({ length }) => length > 0);
    if (approval === undefined) throw new Error('no approval is pending');
    await approver.approvals.decide(approval.id, { decision, comments: 'as it should be' });
    return approval.id;
  }

  /** Whether an event of this type was reported. */
  has(type: WorkerEvent['type']): boolean {
    return this.events.some((event) => event.type === type);
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
  }
}

/** Creates teams, whose workers stop after each test. */
export function useWorkerTeams(mesh: TestApp): () => WorkerTeam {
  const teams: WorkerTeam[] = [];
  afterEach(async () => {
    await Promise.all(teams.splice(0).map((team) => team.stop()));
  });
  return () => {
    const team = new WorkerTeam(mesh);
    teams.push(team);
    return team;
  };
}

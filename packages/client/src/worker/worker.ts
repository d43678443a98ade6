import type { MeshClient } from '../client.js';
import { pause } from '../pause.js';
import { randomKey } from '../random-key.js';
import type { WorkFilter } from '../resources/tasks.js';
import { pauseMs } from '../retry.js';
import { loadTracing } from '../tracing.js';
import type { Session, Task } from '../types.js';
import { Attempt, type TaskHandler } from './attempt.js';
import { Claims } from './claims.js';
import { Handlers } from './handlers.js';
import { canRecover } from './persistently.js';
import { Recovery } from './recovery.js';
import { RunningAttempts } from './running-attempts.js';
import { SessionHold } from './session-hold.js';
import { onShutdown } from './shutdown-signals.js';
import { invalidWorker, ReleaseError } from './worker-errors.js';
import type { WorkerEvent } from './worker-event.js';

/** Options of a {@link Worker}. */
export interface WorkerOptions {
  /** The role whose tasks the worker claims. */
  readonly role: string;
  /** Number of tasks at the same time. Default: 1. */
  readonly concurrency?: number | undefined;
  /** Task types to claim, of those that have a handler. Default: all that have one. */
  readonly taskTypes?: readonly string[] | undefined;
  /** Length of a lease; the worker extends it every third of that. Default: 60. The controller allows 30 to 3,600. */
  readonly leaseSeconds?: number | undefined;
  /**
   * `exclusive`: no other process has the token subject of this worker, so a restarted worker continues at once with
   * the tasks that it held. `shared` (default): it continues when their leases were not extended for half of their length.
   */
  readonly identity?: 'exclusive' | 'shared' | undefined;
  /** For how long tasks can continue after {@link Worker.stop}. After that they are released. Default: 30. */
  readonly graceSeconds?: number | undefined;
  /** Whether SIGTERM and SIGINT stop the worker. Default: true. */
  readonly handleSignals?: boolean | undefined;
  /** Receives what the worker does, for logs and metrics. */
  readonly onEvent?: ((event: WorkerEvent) => void) | undefined;
}

const MAX_WAIT_SECONDS = 25;

/**
 * Claims the tasks of a role and runs their handlers. It extends leases, aborts `ctx.signal` when a lease is lost, reports
 * outcomes with stable idempotency keys, and continues with tasks that an earlier process of its identity held.
 */
export class Worker {
  private readonly handlers = new Handlers();
  private readonly attempts: RunningAttempts;
  private readonly stopping = new AbortController();
  private readonly workerId = randomKey();
  private readonly leaseSeconds: number;
  private work: Promise<void> | undefined;

  /**
   * @param client sends the requests. All workers of a role use one identity
   * @throws MeshError `mesh.worker_invalid` if an option cannot work
   */
  constructor(
    private readonly client: MeshClient,
    private readonly options: WorkerOptions,
  ) {
    const { role, concurrency = 1, leaseSeconds = 60 } = options;
    if (role === '') throw invalidWorker('The role is empty.');
    if (!(Number.isInteger(concurrency) && concurrency >= 1))
      throw invalidWorker('concurrency must be an integer of at least 1.');
    this.leaseSeconds = leaseSeconds;
    this.attempts = new RunningAttempts(concurrency, (event) => {
      this.report(event);
    });
  }

  /** Sets the handler of a task type; `*` is every type that has none. */
  on(taskType: string, handler: TaskHandler): this {
    if (this.work) throw invalidWorker('Set all handlers before start().');
    this.handlers.set(taskType, handler);
    return this;
  }

  /**
   * Works until {@link stop} is called, or the process receives SIGTERM or SIGINT, and all tasks have ended.
   *
   * @throws ProblemError if the controller refuses the claims, for example because the token does not carry the role
   */
  start(): Promise<void> {
    this.work ??= this.runUntilStopped();
    return this.work;
  }

  /** Claims no more tasks and waits for those that run. After `graceSeconds` it aborts and releases them. */
  async stop(): Promise<void> {
    if (!this.stopping.signal.aborted) {
      this.stopping.abort();
      this.report({ type: 'stopping' });
    }
    await this.work?.catch(() => undefined);
  }

  private async runUntilStopped(): Promise<void> {
    const { role, identity = 'shared', handleSignals = true } = this.options;
    const { leaseSeconds } = this;
    const taskTypes = this.handlers.claimedTypes(this.options.taskTypes);
    const claims = new Claims(this.client, {
      role,
      lease_seconds: leaseSeconds,
      ...(taskTypes && { task_types: taskTypes }),
    });
    const isOwn = (id: string): boolean => this.attempts.has(id);
    const recovery = new Recovery(this.client, { role, identity, leaseSeconds }, isOwn);
    const stop = (): void => void this.stop();
    const unsubscribe = handleSignals ? onShutdown(stop) : () => undefined;
    try {
      await loadTracing();
      await this.claimTasks(claims, recovery, { role, taskTypes });
    } finally {
      await this.drain(claims);
      unsubscribe();
    }
  }

  private async claimTasks(claims: Claims, recovery: Recovery, filter: WorkFilter): Promise<void> {
    const { signal } = this.stopping;
    let failures = 0;
    while (await this.attempts.freeSlot(signal)) {
      try {
        const hasStarted = await this.startNext(claims, recovery);
        if (!hasStarted) await this.waitForWork(recovery, filter);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (!canRecover(error)) throw error;
        this.report({ type: 'error', error });
        await pause(pauseMs(failures), signal).catch(() => undefined);
        failures += 1;
      }
    }
  }

  /** Starts the next attempt: one to recover, else a new claim. Returns whether there was one. */
  private async startNext(claims: Claims, recovery: Recovery): Promise<boolean> {
    const found = await recovery.find(this.stopping.signal);
    if (found !== undefined) {
      await this.recover(found, recovery);
      return true;
    }
    const claimed = await claims.next();
    if (claimed === undefined) return false;
    recovery.ignore(claimed.session.id);
    this.begin(claimed.task, claimed.session, 'claimed');
    return true;
  }

  private async waitForWork(recovery: Recovery, filter: WorkFilter): Promise<void> {
    const waitSeconds = Math.min(MAX_WAIT_SECONDS, Math.ceil(recovery.dueInMs / 1000));
    const { signal } = this.stopping;
    await this.client.tasks.waitForWork({ ...filter, waitSeconds }, { signal, maxRetries: 0 });
  }

  /** Takes over a session that no worker is at. Another worker with the same identity can be first. */
  private async recover(found: Session, recovery: Recovery): Promise<void> {
    const hold = this.newHold(found);
    let task: Task;
    try {
      task = await this.client.tasks.get(found.task_id ?? '');
      if (this.handlers.find(task.task_type)) await hold.takeOver();
    } catch (error) {
      if (canRecover(error)) throw error;
      recovery.ignore(found.id);
      return;
    }
    recovery.ignore(found.id);
    if (this.handlers.find(task.task_type)) this.begin(task, hold.current, 'recovered', hold);
  }

  private begin(
    task: Task,
    session: Session,
    type: 'claimed' | 'recovered',
    hold = this.newHold(session),
  ): void {
    const attempt = new Attempt(this.client, task, session, hold);
    this.report({ type, ...attempt.name });
    this.attempts.start(attempt, this.handlers.find(task.task_type) ?? releaseTask);
  }

  private newHold(session: Session): SessionHold {
    return new SessionHold(this.client, session, {
      leaseSeconds: this.leaseSeconds,
      workerId: this.workerId,
      onError: (error) => {
        this.report({ type: 'error', error });
      },
    });
  }

  private async drain(claims: Claims): Promise<void> {
    const drained = this.attempts.drain(this.options.graceSeconds ?? 30);
    await claims.end().catch((error: unknown) => {
      this.report({ type: 'error', error });
    });
    await drained;
  }

  private report(event: WorkerEvent): void {
    this.options.onEvent?.(event);
  }
}

/** A claim that was sent before can return a task of another type. */
function releaseTask(task: Task): never {
  throw new ReleaseError({ reason: `The worker has no handler for ${task.task_type}` });
}

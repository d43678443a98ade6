import type { MeshClient } from '../client.js';
import { pause } from '../pause.js';
import { inTaskSpan } from '../tracing.js';
import type { Session, Task } from '../types.js';
import { AttemptReport, type Outcome } from './attempt-report.js';
import type { SessionHold } from './session-hold.js';
import { TaskContext } from './task-context.js';
import { WorkerStoppedError } from './worker-errors.js';
import type { AttemptName } from './worker-event.js';

/**
 * Handles one task. Returns the result, an object that is JSON, or undefined. An error fails the attempt.
 */
export type TaskHandler = (
  task: Task,
  ctx: TaskContext,
) => Promise<object | undefined> | object | undefined;

/** For how long a handler can end by itself after its signal was aborted because the worker stops. */
const LAST_MS = 5_000;

/** One claimed task in the hands of its handler. */
export class Attempt {
  private readonly stopped = new AbortController();
  private readonly ended = new AbortController();

  constructor(
    private readonly client: MeshClient,
    readonly task: Task,
    private readonly session: Session,
    private readonly hold: SessionHold,
  ) {}

  get name(): AttemptName {
    return {
      taskId: this.task.id,
      taskType: this.task.task_type,
      sessionId: this.session.id,
      attempt: this.session.attempt ?? 1,
    };
  }

  /** Runs the handler and reports its outcome. Holds the session meanwhile. */
  async run(handler: TaskHandler): Promise<Outcome> {
    // The claim of a notification has completed it, so there is nothing to hold and to report.
    if (this.session.status !== 'active') return this.deliver(handler);
    this.hold.start();
    try {
      const report = new AttemptReport(this.client, this.task, this.hold);
      const settled = await this.settle(handler);
      const reason: unknown = this.hold.signal.reason;
      const isLost = this.hold.signal.aborted && !(reason instanceof WorkerStoppedError);
      if (isLost) return { type: 'lost', reason };
      if ('result' in settled) return await report.succeed(settled.result);
      // Whatever a handler throws because the worker stops, the task is released.
      return await report.fail(this.hold.signal.aborted ? reason : settled.error);
    } finally {
      this.ended.abort();
      await this.hold.end();
    }
  }

  /** Aborts the signal of the handler, and releases the task if the handler does not return within five seconds. */
  stop(): void {
    this.hold.abort(new WorkerStoppedError());
    void pause(LAST_MS, this.ended.signal).then(
      () => {
        this.stopped.abort();
      },
      () => undefined,
    );
  }

  private async deliver(handler: TaskHandler): Promise<Outcome> {
    const settled = await this.settle(handler);
    if ('result' in settled) return { type: 'completed' };
    return { type: 'failed', error: settled.error, retryable: false };
  }

  private async settle(handler: TaskHandler): Promise<{ result: unknown } | { error: unknown }> {
    const context = new TaskContext(this.client, this.task, this.session, this.hold);
    const stopped = new Promise<never>((_resolve, reject) => {
      this.stopped.signal.addEventListener('abort', () => {
        reject(new WorkerStoppedError());
      });
    });
    try {
      // In an async function, so that an error of a handler that is not async is caught as well.
      const running = inTaskSpan(this.task, this.session, async () => handler(this.task, context));
      return { result: await Promise.race([running, stopped]) };
    } catch (error) {
      return { error };
    }
  }
}

import type { MeshClient } from '../client.js';
import { isProblem, MeshError, type ProblemError } from '../errors.js';
import { isObject, type JsonObject } from '../json.js';
import type { Task } from '../types.js';
import { ApprovalRefusedError } from '../waiting.js';
import { persistently } from './persistently.js';
import type { SessionHold } from './session-hold.js';
import { NonRetryableError, ReleaseError, WorkerStoppedError } from './worker-errors.js';

/** The outcome of an attempt, as the controller has stored it. */
export type Outcome =
  | { readonly type: 'completed' }
  | { readonly type: 'failed'; readonly error: unknown; readonly retryable: boolean }
  | { readonly type: 'released'; readonly reason: string }
  | { readonly type: 'lost'; readonly reason: unknown };

/** Stored characters of an error. */
const ERROR_CHARACTERS = 10_000;

/** Reports the outcome of an attempt until the controller has accepted or refused it. */
export class AttemptReport {
  constructor(
    private readonly client: MeshClient,
    private readonly task: Task,
    private readonly hold: SessionHold,
  ) {}

  async succeed(result: unknown): Promise<Outcome> {
    if (result !== undefined && !isObject(result))
      return this.fail(
        new NonRetryableError('The handler returned neither an object nor undefined.'),
      );
    return this.unlessLost(() => this.complete(result));
  }

  async fail(error: unknown): Promise<Outcome> {
    if (error instanceof ReleaseError || error instanceof WorkerStoppedError)
      return this.release(error);
    const retryable = !(
      error instanceof NonRetryableError || error instanceof ApprovalRefusedError
    );
    const failure = { error: textOf(error), retryable };
    return this.unlessLost(async () => {
      await this.write('fail', (options) =>
        this.client.sessions.fail(this.hold.id, failure, options),
      );
      return { type: 'failed', error, retryable };
    });
  }

  private async release(error: ReleaseError | WorkerStoppedError): Promise<Outcome> {
    const { notBefore, untilApproval } = error instanceof ReleaseError ? error.release : {};
    const release = {
      reason: error.message.slice(0, 1_000),
      ...(notBefore !== undefined && { not_before: notBefore }),
      ...(untilApproval !== undefined && { until_approval: untilApproval }),
    };
    return this.unlessLost(async () => {
      const options = { idempotencyKey: this.key('release') };
      await persistently(undefined, () =>
        this.client.sessions.release(this.hold.id, release, options),
      );
      return { type: 'released', reason: error.message };
    });
  }

  private async complete(result: JsonObject | undefined): Promise<Outcome> {
    const completion = { ...(result !== undefined && { result }), withdraw_pending: true };
    let wasPending = true;
    for (;;) {
      try {
        await this.write('complete', (options) =>
          this.client.sessions.complete(this.hold.id, completion, options),
        );
        return { type: 'completed' };
      } catch (error) {
        if (!isProblem(error)) throw error;
        if (error.code !== 'task.approval_required') return this.refuse(error);
        if (!wasPending) return this.fail(new NonRetryableError(error.detail, { cause: error }));
        wasPending = await this.nextChange();
      }
    }
  }

  /** Waits for the next change of the task if one of its approvals is pending. Returns whether one was. */
  private async nextChange(): Promise<boolean> {
    const read = (etag?: string) =>
      persistently(undefined, () => this.client.tasks.changed(this.task.id, { etag }));
    const current = await read();
    const isPending = current?.task.approvals.some(({ status }) => status === 'pending') ?? false;
    if (isPending) await read(current?.etag);
    return isPending;
  }

  /** A result that the controller refuses fails the attempt, so that the task does not stay open. */
  private refuse(error: ProblemError): Promise<Outcome> {
    if (error.status === 409 || error.status === 404) throw error;
    const message = `The result was refused: ${error.message}`;
    return this.fail(
      error.status === 403
        ? new MeshError(error.code, message, { cause: error })
        : new NonRetryableError(message, { cause: error }),
    );
  }

  private write<T>(
    step: string,
    change: (options: { ifVersion: number; idempotencyKey: string }) => Promise<T>,
  ): Promise<T> {
    return this.hold.changing((ifVersion) => {
      const options = { ifVersion, idempotencyKey: this.key(step) };
      return persistently(undefined, () => change(options));
    });
  }

  /** The key of a step is the same after a restart, so that the step is executed once. */
  private key(step: string): string {
    return `${this.hold.id}.${step}`;
  }

  /** The controller refuses reports of a session that has ended. Its state decides, not the clock of the worker. */
  private async unlessLost(report: () => Promise<Outcome>): Promise<Outcome> {
    this.hold.beginReport();
    try {
      return await report();
    } catch (error) {
      return { type: 'lost', reason: error };
    }
  }
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, ERROR_CHARACTERS);
}

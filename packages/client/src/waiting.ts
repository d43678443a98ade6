import { MeshError, WaitTimeoutError } from './errors.js';
import type { Approval, TaskDetail } from './types.js';

/** Options of a wait. */
export interface WaitOptions {
  /** Time limit of the whole wait in milliseconds. Default: none. */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

/** The longest wait of one request, in seconds. */
const MAX_WAIT_SECONDS = 25;

/**
 * Sends waiting requests until one returns a value.
 *
 * @throws WaitTimeoutError if none does in `timeoutMs`
 */
export async function longPoll<T>(
  { timeoutMs = Infinity, signal }: WaitOptions,
  poll: (waitSeconds: number, signal: AbortSignal | undefined) => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const leftSeconds = Math.ceil((deadline - performance.now()) / 1000);
    const waitSeconds = Math.max(0, Math.min(MAX_WAIT_SECONDS, leftSeconds));
    const value = await poll(waitSeconds, signal);
    if (value !== undefined) return value;
    if (performance.now() >= deadline)
      throw new WaitTimeoutError('mesh.wait_timeout', `Nothing happened in ${timeoutMs / 1000} s.`);
  }
}

/** A task ended, but it was not completed. */
export class TaskEndedError extends MeshError {
  override readonly name = 'TaskEndedError';

  constructor(
    /** The task as it ended. */
    readonly task: TaskDetail,
  ) {
    const error = task.attempts.at(-1)?.error;
    super(`mesh.task_${task.status}`, `The task is ${task.status}${error ? `: ${error}` : ''}`);
  }
}

/** An approval was rejected or withdrawn, or has expired. */
export class ApprovalRefusedError extends MeshError {
  override readonly name = 'ApprovalRefusedError';

  constructor(
    /** The approval of the stage that was refused. */
    readonly approval: Approval,
  ) {
    const notes = approval.notes === '' ? '' : `: ${approval.notes}`;
    super(
      `mesh.approval_${approval.status}`,
      `The approval by ${approval.approver_role} is ${approval.status}${notes}`,
    );
  }
}

import { MeshError } from '../errors.js';

/** Thrown by a handler: the attempt failed, and another attempt can succeed. Every other error has the same effect. */
export class RetryableError extends MeshError {
  override readonly name = 'RetryableError';

  constructor(message: string, options?: ErrorOptions) {
    super('mesh.retryable', message, options);
  }
}

/** Thrown by a handler: the task failed, and no other attempt follows. */
export class NonRetryableError extends MeshError {
  override readonly name = 'NonRetryableError';

  constructor(message: string, options?: ErrorOptions) {
    super('mesh.not_retryable', message, options);
  }
}

/** Options of a {@link ReleaseError}. */
export interface ReleaseReason {
  /** Text for the timeline of the task. */
  readonly reason?: string;
  /** The next attempt is due at this time (RFC 3339). */
  readonly notBefore?: string;
  /** The next attempt is due when this approval is decided. */
  readonly untilApproval?: string;
}

/** Thrown by a handler: the task goes back to the inbox, and no attempt is used up. */
export class ReleaseError extends MeshError {
  override readonly name = 'ReleaseError';

  constructor(
    /** How the task is released. */
    readonly release: ReleaseReason = {},
  ) {
    super('mesh.released', release.reason ?? 'The handler released the task');
  }
}

/** Reason of `ctx.signal`: the attempt has ended, so its result does not count. Another worker can have the task. */
export class LeaseLostError extends MeshError {
  override readonly name = 'LeaseLostError';

  constructor(reason: string) {
    super('mesh.lease_lost', `The attempt has ended: ${reason}`);
  }
}

/** Reason of `ctx.signal`: the task was cancelled. */
export class TaskCancelledError extends MeshError {
  override readonly name = 'TaskCancelledError';

  constructor() {
    super('mesh.task_cancelled', 'The task was cancelled');
  }
}

/** Reason of `ctx.signal`: the worker stops, and the grace period has passed. The task is released. */
export class WorkerStoppedError extends MeshError {
  override readonly name = 'WorkerStoppedError';

  constructor() {
    super('mesh.worker_stopped', 'The worker stops');
  }
}

/** Returns the error for options or handlers that cannot work. */
export function invalidWorker(message: string): MeshError {
  return new MeshError('mesh.worker_invalid', message);
}

/** An event of `onEvent` of a worker. */
export type WorkerEvent =
  | StartedAttempt
  | CompletedAttempt
  | FailedAttempt
  | ReleasedAttempt
  | LostAttempt
  | WorkerError
  | WorkerStopping;

/** The attempt of an event. */
export interface AttemptName {
  /** Id of the task. */
  readonly taskId: string;
  /** Type of the task. */
  readonly taskType: string;
  /** Id of the session. */
  readonly sessionId: string;
  /** Number of the attempt, from 1. */
  readonly attempt: number;
}

/** The worker runs the handler of an attempt. */
export interface StartedAttempt extends AttemptName {
  /** `recovered`: an earlier process with the same identity held the session. */
  readonly type: 'claimed' | 'recovered';
}

/** The attempt is completed with the result of its handler. */
export interface CompletedAttempt extends AttemptName {
  /** Type of the event. */
  readonly type: 'completed';
}

/** The attempt has failed. */
export interface FailedAttempt extends AttemptName {
  /** Type of the event. */
  readonly type: 'failed';
  /** The error that the handler threw, or that refused its result. */
  readonly error: unknown;
  /** Whether another attempt follows, if any are left. */
  readonly retryable: boolean;
}

/** The task is back in the inbox. */
export interface ReleasedAttempt extends AttemptName {
  /** Type of the event. */
  readonly type: 'released';
  /** The reason that the timeline of the task shows. */
  readonly reason: string;
}

/** The attempt has ended at the controller. The outcome of its handler is dropped. */
export interface LostAttempt extends AttemptName {
  /** Type of the event. */
  readonly type: 'lost';
  /** The reason of `ctx.signal`, or the error of the report. */
  readonly reason: unknown;
}

/** A request of the worker itself has failed. It tries again. */
export interface WorkerError {
  /** Type of the event. */
  readonly type: 'error';
  /** The error of the request. */
  readonly error: unknown;
}

/** The worker claims no more tasks. */
export interface WorkerStopping {
  /** Type of the event. */
  readonly type: 'stopping';
}

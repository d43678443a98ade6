/** What a worker reports to `onEvent`. */
export type WorkerEvent =
  | ({ readonly type: 'claimed' | 'recovered' | 'completed' } & AttemptName)
  | ({
      readonly type: 'failed';
      readonly error: unknown;
      readonly retryable: boolean;
    } & AttemptName)
  | ({ readonly type: 'released'; readonly reason: string } & AttemptName)
  | ({ readonly type: 'lost'; readonly reason: unknown } & AttemptName)
  /** A request of the worker itself has failed. It tries again. */
  | { readonly type: 'error'; readonly error: unknown }
  | { readonly type: 'stopping' };

export interface AttemptName {
  readonly taskId: string;
  readonly taskType: string;
  readonly sessionId: string;
  readonly attempt: number;
}

import { Wakeup } from './wakeup.js';

/** Condition of a waiting request. */
export interface Condition<T> {
  /** Reads the present state. Calls `again` if the next read should follow at once. */
  read(again: () => void): Promise<T>;
  /** Whether the state is the one that the request waits for. */
  isMet(state: T): boolean;
  /** Calls `wake` when the state can have changed. Returns the function that ends the subscription. */
  subscribe(wake: () => void): () => void;
  /** Maximum milliseconds between two reads. They find changes of which no notification arrived. Default: none. */
  pollMs?(state: T): number;
}

/** Causes that end a wait before its condition is met. */
export interface WaitEnd {
  /** The value of `performance.now()` at which the time is up. */
  deadline: number;
  /** Aborts when the client disconnects. */
  gone: AbortSignal;
  /** Wakes its subscribers when it begins to stop. */
  source: { readonly isStopping: boolean };
}

/**
 * Reads until the condition is met, the time is up, the client has disconnected or the process stops. Returns the state
 * of the last read. Between two reads, the request has no database connection.
 */
export async function waitUntil<T>(
  condition: Condition<T>,
  { deadline, gone, source }: WaitEnd,
): Promise<T> {
  const wakeup = new Wakeup();
  const wake = (): void => {
    wakeup.raise();
  };
  // Subscribes before the first read, so that no change between the two is missed.
  const unsubscribe = deadline > performance.now() ? condition.subscribe(wake) : undefined;
  gone.addEventListener('abort', wake);
  try {
    for (;;) {
      const state = await condition.read(wake);
      const left = deadline - performance.now();
      if (condition.isMet(state) || left <= 0 || gone.aborted || source.isStopping) return state;
      await wakeup.raisedWithin(Math.min(condition.pollMs?.(state) ?? left, left));
    }
  } finally {
    unsubscribe?.();
    gone.removeEventListener('abort', wake);
  }
}

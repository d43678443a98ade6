import { pause } from '../pause.js';
import type { Attempt, TaskHandler } from './attempt.js';
import type { WorkerEvent } from './worker-event.js';

/** The attempts that a worker runs at the same time. */
export class RunningAttempts {
  private readonly running = new Map<string, RunningAttempt>();
  /** Called when an attempt ends. */
  private onEnd: () => void = () => undefined;

  /**
   * @param limit the largest number of attempts
   * @param report receives the outcome of each attempt
   */
  constructor(
    private readonly limit: number,
    private readonly report: (event: WorkerEvent) => void,
  ) {}

  has(sessionId: string): boolean {
    return this.running.has(sessionId);
  }

  /** Runs the handler of an attempt, and reports the outcome. */
  start(attempt: Attempt, handler: TaskHandler): void {
    const { sessionId } = attempt.name;
    const done = attempt
      .run(handler)
      .then((outcome) => {
        this.report({ ...outcome, ...attempt.name });
      })
      .catch((error: unknown) => {
        this.report({ type: 'error', error });
      })
      .finally(() => {
        this.running.delete(sessionId);
        this.onEnd();
      });
    this.running.set(sessionId, { attempt, done });
  }

  /** Waits until fewer attempts than the limit run. Returns false if `signal` has aborted. */
  async freeSlot(signal: AbortSignal): Promise<boolean> {
    while (this.running.size >= this.limit && !signal.aborted) await this.nextEnd(signal);
    return !signal.aborted;
  }

  /** Waits until all attempts have ended. Stops those that run longer than the grace period. */
  async drain(graceSeconds: number): Promise<void> {
    const grace = new AbortController();
    const stopped = pause(graceSeconds * 1000, grace.signal).then(
      () => {
        for (const { attempt } of this.running.values()) attempt.stop();
      },
      () => undefined,
    );
    await Promise.all([...this.running.values()].map(({ done }) => done));
    grace.abort();
    await stopped;
  }

  /** Waits until an attempt ends, or `signal` aborts. Leaves nothing behind, because a worker waits many times. */
  private nextEnd(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        signal.removeEventListener('abort', end);
        resolve();
      };
      this.onEnd = end;
      signal.addEventListener('abort', end);
    });
  }
}

interface RunningAttempt {
  readonly attempt: Attempt;
  readonly done: Promise<void>;
}

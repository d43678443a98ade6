/** A promise did not settle within its time limit. The message equals that of a timeout in ioredis. */
export class TimeLimitError extends Error {
  override readonly name = 'TimedOut';

  constructor() {
    super('Command timed out');
  }
}

/**
 * One time limit for many concurrent promises, with one timer for all, because the oldest promise times out first.
 */
export class TimeLimit {
  /** Pending promises, oldest first. */
  private readonly waiting = new Set<PendingCall>();
  private timer?: NodeJS.Timeout;

  constructor(private readonly ms: number) {}

  /**
   * Returns the result of `work`. A result after the time limit is ignored.
   *
   * @throws TimeLimitError if `work` does not settle in time
   */
  around<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const entry = { until: performance.now() + this.ms, reject };
      this.waiting.add(entry);
      this.timer ??= this.startTimer(this.ms);
      work.then(
        (value) => {
          this.waiting.delete(entry);
          resolve(value);
        },
        (error: unknown) => {
          this.waiting.delete(entry);
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  }

  private startTimer(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.rejectExpired();
    }, ms).unref();
  }

  private rejectExpired(): void {
    this.timer = undefined;
    const now = performance.now();
    for (const entry of this.waiting) {
      if (entry.until > now) {
        this.timer = this.startTimer(Math.ceil(entry.until - now));
        return;
      }
      this.waiting.delete(entry);
      entry.reject(new TimeLimitError());
    }
  }
}

interface PendingCall {
  /** Deadline in milliseconds on the clock of `performance.now()`. */
  readonly until: number;
  readonly reject: (error: Error) => void;
}

/** What was waited for did not come in time; in the words of ioredis. */
export class TimedOut extends Error {
  override readonly name = 'TimedOut';

  constructor() {
    super('Command timed out');
  }
}

/**
 * One time limit for much that goes on at once, with one timer for all: what began first is the first to be late. A
 * timer for each is a cost that shows: see docs/performance-log.md.
 */
export class TimeLimit {
  /** What is waited for, in the order in which it began. */
  private readonly waiting = new Set<Waiting>();
  private timer?: NodeJS.Timeout;

  constructor(private readonly ms: number) {}

  /** @throws TimedOut when `work` has not settled in time; what becomes of it later is of no interest then */
  around<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const entry = { until: performance.now() + this.ms, reject };
      this.waiting.add(entry);
      this.timer ??= this.wakeIn(this.ms);
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

  private wakeIn(ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.endWhatIsLate();
    }, ms).unref();
  }

  private endWhatIsLate(): void {
    this.timer = undefined;
    const now = performance.now();
    for (const entry of this.waiting) {
      if (entry.until > now) {
        this.timer = this.wakeIn(Math.ceil(entry.until - now));
        return;
      }
      this.waiting.delete(entry);
      entry.reject(new TimedOut());
    }
  }
}

interface Waiting {
  /** On the clock of `performance.now()`. */
  readonly until: number;
  readonly reject: (error: Error) => void;
}

/** The queue did not reach the work in time; it was not started. */
export class MutexTimeout extends Error {
  override readonly name = 'MutexTimeout';

  constructor() {
    super('the wait in the queue timed out');
  }
}

/** Runs at most one piece of work per scope at a time in this instance. The others wait in order of arrival. */
export class KeyedMutex {
  /** The waiting callers, by scope. A scope without an entry is idle. */
  private readonly waiting = new Map<string, Set<() => void>>();

  /** Number of scopes with work in progress. */
  get size(): number {
    return this.waiting.size;
  }

  /** Whether work of the scope is in progress. */
  has(scope: string): boolean {
    return this.waiting.has(scope);
  }

  /** Whether a caller waits for the scope. */
  isAwaited(scope: string): boolean {
    return (this.waiting.get(scope)?.size ?? 0) > 0;
  }

  /**
   * Runs `work` after all earlier work of the scope has succeeded or failed.
   *
   * @throws MutexTimeout if that takes longer than `waitMs` milliseconds
   */
  async run<T>(scope: string, waitMs: number, work: () => Promise<T>): Promise<T> {
    await this.enter(scope, waitMs);
    try {
      return await work();
    } finally {
      this.leave(scope);
    }
  }

  private enter(scope: string, waitMs: number): Promise<void> {
    const turns = this.waiting.get(scope);
    if (!turns) {
      this.waiting.set(scope, new Set());
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const turn = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        turns.delete(turn);
        reject(new MutexTimeout());
      }, waitMs);
      turns.add(turn);
    });
  }

  private leave(scope: string): void {
    const turns = this.waiting.get(scope);
    const [next] = turns ?? [];
    if (next) {
      turns?.delete(next);
      next();
    } else {
      this.waiting.delete(scope);
    }
  }
}

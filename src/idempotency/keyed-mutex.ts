/** The turn did not come in time; the work was not started. */
export class MutexTimeout extends Error {
  override readonly name = 'QueueTimeout';

  constructor() {
    super('The turn did not come in time');
  }
}

/** Lets one piece of work per scope run at a time in this process; the others wait, in the order in which they came. */
export class KeyedMutex {
  /** The turns waited for, by scope; a scope without an entry is idle. */
  private readonly waiting = new Map<string, Set<() => void>>();

  /** How many scopes are at work. */
  get size(): number {
    return this.waiting.size;
  }

  /** Whether work of the scope is going on. */
  has(scope: string): boolean {
    return this.waiting.has(scope);
  }

  /** Whether somebody waits for a turn of the scope. */
  isAwaited(scope: string): boolean {
    return (this.waiting.get(scope)?.size ?? 0) > 0;
  }

  /**
   * Runs `work` when those of the same scope that came before are done, whether they succeeded or failed.
   *
   * @throws MutexTimeout when that takes longer than `waitMs` milliseconds.
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

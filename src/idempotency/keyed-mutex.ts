/** The queue did not reach the work in time; it was not started. */
export class MutexTimeout extends Error {
  override readonly name = 'MutexTimeout';

  constructor() {
    super('the wait in the queue timed out');
  }
}

/** Runs at most one piece of work per identity at a time in this instance. The others wait in order of arrival. */
export class KeyedMutex {
  /** The waiting callers, by identity. An identity without an entry is idle. */
  private readonly waiting = new Map<string, Set<() => void>>();

  /** Number of identities with work in progress. */
  get size(): number {
    return this.waiting.size;
  }

  /** Whether work of the identity is in progress. */
  has(identity: string): boolean {
    return this.waiting.has(identity);
  }

  /** Whether a caller waits for the identity. */
  isAwaited(identity: string): boolean {
    return (this.waiting.get(identity)?.size ?? 0) > 0;
  }

  /**
   * Runs `work` after all earlier work of the identity has succeeded or failed.
   *
   * @throws MutexTimeout if that takes longer than `waitMs` milliseconds
   */
  async run<T>(identity: string, waitMs: number, work: () => Promise<T>): Promise<T> {
    await this.enter(identity, waitMs);
    try {
      return await work();
    } finally {
      this.leave(identity);
    }
  }

  private enter(identity: string, waitMs: number): Promise<void> {
    const turns = this.waiting.get(identity);
    if (!turns) {
      this.waiting.set(identity, new Set());
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

  private leave(identity: string): void {
    const turns = this.waiting.get(identity);
    const [next] = turns ?? [];
    if (next) {
      turns?.delete(next);
      next();
    } else {
      this.waiting.delete(identity);
    }
  }
}

export type BreakerState = 'closed' | 'open' | 'half_open';

const FAILURES = 3;
const OPEN_MS = 1000;

/**
 * Keeps calls away from a dependency that does not answer. Three failures in a row open it; after one second
 * it lets a single call through as a probe, whose outcome closes it or opens it for another second.
 *
 * Every call that {@link allows} lets through must be reported by {@link succeeded} or {@link failed}.
 */
export class CircuitBreaker {
  private failures = 0;
  private openedAt?: number;
  private probing = false;

  /** `now` is a clock in milliseconds that never goes back. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  get state(): BreakerState {
    if (this.openedAt === undefined) return 'closed';
    return this.now() - this.openedAt < OPEN_MS ? 'open' : 'half_open';
  }

  /** Whether a call may be made now. While half open, only the first one to ask may. */
  allows(): boolean {
    const state = this.state;
    if (state === 'closed') return true;
    if (state === 'open' || this.probing) return false;
    this.probing = true;
    return true;
  }

  /** A call was answered. One that began before the breaker opened says nothing about now. */
  succeeded(): void {
    if (this.openedAt !== undefined && !this.probing) return;
    this.failures = 0;
    this.openedAt = undefined;
    this.probing = false;
  }

  /** A call failed. Tells whether this opened the breaker, for the first time or again. */
  failed(): boolean {
    if (this.openedAt !== undefined && !this.probing) return false;
    this.failures += 1;
    if (!this.probing && this.failures < FAILURES) return false;
    this.openedAt = this.now();
    this.probing = false;
    return true;
  }
}

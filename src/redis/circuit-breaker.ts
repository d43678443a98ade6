export type BreakerState = 'closed' | 'open' | 'half_open';

const FAILURES = 3;
const OPEN_MS = 1000;

/**
 * A circuit breaker for calls to a dependency. Three failures in a row open it. After one second it is half open and
 * allows one call as a probe: success closes it, failure opens it for another second.
 *
 * The caller must report every call that {@link allows} permits, by {@link succeeded} or {@link failed}.
 */
export class CircuitBreaker {
  private failures = 0;
  private openedAt?: number;
  private probing = false;

  /** @param now a monotonic clock in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  get state(): BreakerState {
    if (this.openedAt === undefined) return 'closed';
    return this.now() - this.openedAt < OPEN_MS ? 'open' : 'half_open';
  }

  /** Whether a call is permitted now. While half open, only the first call is. */
  allows(): boolean {
    const state = this.state;
    if (state === 'closed') return true;
    if (state === 'open' || this.probing) return false;
    this.probing = true;
    return true;
  }

  /** Reports a successful call. Ignores a call that began before the breaker opened. */
  succeeded(): void {
    if (this.openedAt !== undefined && !this.probing) return;
    this.failures = 0;
    this.openedAt = undefined;
    this.probing = false;
  }

  /** Reports a failed call. Returns whether this call opened the breaker. */
  failed(): boolean {
    if (this.openedAt !== undefined && !this.probing) return false;
    this.failures += 1;
    if (!this.probing && this.failures < FAILURES) return false;
    this.openedAt = this.now();
    this.probing = false;
    return true;
  }
}

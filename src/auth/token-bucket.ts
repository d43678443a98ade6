/**
 * A token bucket: allows `burst` actions at once, then one per `intervalMs`. `now` is a monotonic clock in milliseconds.
 */
export class TokenBucket {
  private savedMs: number;
  private countedAt: number;

  constructor(
    private readonly burst: number,
    private readonly intervalMs: number,
    private readonly now: () => number,
  ) {
    this.savedMs = burst * intervalMs;
    this.countedAt = now();
  }

  /** Takes one action from the bucket. Returns false if it is empty. */
  consume(): boolean {
    const now = this.now();
    this.savedMs = Math.min(this.burst * this.intervalMs, this.savedMs + now - this.countedAt);
    this.countedAt = now;
    if (this.savedMs < this.intervalMs) return false;
    this.savedMs -= this.intervalMs;
    return true;
  }

  /** Returns the milliseconds until the next action is allowed; 0 if it is allowed now. */
  waitMs(): number {
    const saved = this.savedMs + this.now() - this.countedAt;
    return Math.max(0, this.intervalMs - saved);
  }
}

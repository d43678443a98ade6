/**
 * How often something may be done: `burst` times at once, then once per `intervalMs` (a token bucket).
 * Time comes from a clock in milliseconds that never goes back.
 */
export class Allowance {
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

  /** Takes one of what is left; false when nothing is. */
  spend(): boolean {
    const now = this.now();
    this.savedMs = Math.min(this.burst * this.intervalMs, this.savedMs + now - this.countedAt);
    this.countedAt = now;
    if (this.savedMs < this.intervalMs) return false;
    this.savedMs -= this.intervalMs;
    return true;
  }

  /** In how many milliseconds one more is there; 0: now. */
  waitMs(): number {
    const saved = this.savedMs + this.now() - this.countedAt;
    return Math.max(0, this.intervalMs - saved);
  }
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const MAX_SEEN = 100;

/** Decides when a message that repeats is logged again: after pauses of 1, 2, 4, … at most 30 seconds. */
export class RepeatedMessage {
  private readonly seen = new Set<string>();
  private pause = 0;
  private dueAt = 0;

  /** @param now the clock, in milliseconds */
  constructor(private readonly now = () => performance.now()) {}

  /** Whether to log the message now. A message that was not logged before is due at once. */
  isDue(message: string): boolean {
    if (this.seen.has(message) && this.now() < this.dueAt) return false;
    if (this.seen.size >= MAX_SEEN) this.seen.clear();
    this.seen.add(message);
    this.pause = Math.min(Math.max(FIRST_PAUSE_MS, this.pause * 2), LONGEST_PAUSE_MS);
    this.dueAt = this.now() + this.pause;
    return true;
  }
}

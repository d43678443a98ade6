import type { Count } from '../redis/redis-cache.js';

/** Counts `by` more of what other processes count too; undefined when nobody can tell now. */
export type SharedCount = (key: string, windowMs: number, by: number) => Promise<Count | undefined>;

/** How a key stands in its window after one more. */
export interface Standing {
  count: number;
  msLeft: number;
}

interface Window {
  own: number;
  /** How much of that the other processes were told of. */
  told: number;
  /** What the other processes counted, as far as is known. */
  others: number;
  endsAt: number;
}

/** The part of a limit that a process may count before it tells the others. */
const UNTOLD = 0.01;
const ALONE: SharedCount = () => Promise.resolve(undefined);

/**
 * Counts per key, in windows that the first count opens. Counting never waits: what other processes counted comes
 * from `shared` afterwards, so that it is behind by what happens during one round trip, and missing while that fails.
 * The others are told of the first in a window, and then at every hundredth of the limit: each process lets through a
 * hundredth more than the limit at most, and hardly any request costs a round trip.
 *
 * It remembers `maxKeys` keys; then the oldest is forgotten, so that no flood of keys fills the memory.
 */
export class WindowCounter {
  private readonly windows = new Map<string, Window>();

  constructor(
    private readonly windowMs: number,
    private readonly shared: SharedCount = ALONE,
    private readonly maxKeys = 50_000,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Counts one more under `key`. Others hear of it as long as the count is within `limit`. */
  hit(key: string, limit: number): Standing {
    const now = this.now();
    const window = this.open(key, now);
    const number = ++window.own;
    const count = number + window.others;
    const isDue = number === 1 || number - window.told >= limit * UNTOLD;
    if (count <= limit && isDue) void this.share(key, window);
    return { count, msLeft: window.endsAt - now };
  }

  private open(key: string, now: number): Window {
    const known = this.windows.get(key);
    if (known && known.endsAt > now) return known;
    this.windows.delete(key);
    const [oldest] = this.windows.size >= this.maxKeys ? this.windows.keys() : [];
    if (oldest !== undefined) this.windows.delete(oldest);
    const window = { own: 0, told: 0, others: 0, endsAt: now + this.windowMs };
    this.windows.set(key, window);
    return window;
  }

  private async share(key: string, window: Window): Promise<void> {
    const number = window.own;
    const by = number - window.told;
    window.told = number;
    const known = await this.shared(key, this.windowMs, by);
    if (!known) {
      window.told -= by;
      return;
    }
    window.others = Math.max(0, known.count - number);
    // The window that all share ends when Redis says so.
    window.endsAt = this.now() + Math.min(known.msLeft, this.windowMs);
  }
}

import type { Count } from '../redis/redis-cache.service.js';

/** Adds `by` to a count that all processes share; undefined if the shared count is unavailable. */
export type SharedCount = (key: string, windowMs: number, by: number) => Promise<Count | undefined>;

/** State of a key after a hit. */
export interface WindowState {
  count: number;
  /** Milliseconds until the window ends. */
  msLeft: number;
}

interface Window {
  /** Count of this process. */
  own: number;
  /** Part of `own` that is synchronized with the shared count. */
  synced: number;
  /** Count of the other processes at the last synchronization. */
  others: number;
  endsAt: number;
}

/** Fraction of a limit that a process counts between two synchronizations. */
const SYNC_FRACTION = 0.01;
const LOCAL_ONLY: SharedCount = () => Promise.resolve(undefined);

/**
 * Counts hits per key in windows; the first hit starts a window. A hit never waits. The counts of other processes arrive
 * from `shared` afterwards, so they lag by one round trip and are missing while `shared` fails. A process synchronizes
 * after the first hit of a window and then after each hundredth of the limit. So each process exceeds the limit by a
 * hundredth at most, and few hits cost a round trip.
 *
 * The counter evicts the oldest of `maxKeys` keys, so that a flood of keys cannot fill the memory.
 */
export class WindowCounter {
  private readonly windows = new Map<string, Window>();

  constructor(
    private readonly windowMs: number,
    private readonly shared: SharedCount = LOCAL_ONLY,
    private readonly maxKeys = 50_000,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Counts a hit of `key`. Synchronizes with other processes only while the count is within `limit`. */
  hit(key: string, limit: number): WindowState {
    const now = this.now();
    const window = this.open(key, now);
    const number = ++window.own;
    const count = number + window.others;
    const isDue = number === 1 || number - window.synced >= limit * SYNC_FRACTION;
    if (count <= limit && isDue) void this.share(key, window);
    return { count, msLeft: window.endsAt - now };
  }

  /** Takes back one hit. The next synchronization corrects the shared count. */
  takeBack(key: string): void {
    const window = this.windows.get(key);
    if (window && window.own > 0) window.own -= 1;
  }

  private open(key: string, now: number): Window {
    const current = this.windows.get(key);
    if (current && current.endsAt > now) return current;
    this.windows.delete(key);
    const [oldest] = this.windows.size >= this.maxKeys ? this.windows.keys() : [];
    if (oldest !== undefined) this.windows.delete(oldest);
    const window = { own: 0, synced: 0, others: 0, endsAt: now + this.windowMs };
    this.windows.set(key, window);
    return window;
  }

  private async share(key: string, window: Window): Promise<void> {
    const number = window.own;
    const by = number - window.synced;
    window.synced = number;
    const total = await this.shared(key, this.windowMs, by);
    if (!total) {
      window.synced -= by;
      return;
    }
    window.others = Math.max(0, total.count - number);
    // Redis determines the end of the shared window.
    window.endsAt = this.now() + Math.min(total.msLeft, this.windowMs);
  }
}

/** A period in which equal denials are recorded once. */
export interface DenialWindow<Denial> {
  readonly denial: Denial;
  /** Number of denials after the first one. */
  repeats: number;
  readonly endsAt: number;
}

/**
 * Counts equal denials in windows of one minute. The first one of a window is recorded at once, the number of the others
 * when the window ends. At most 10,000 windows; beyond that the oldest ends early.
 */
export class DenialWindows<Denial> {
  private readonly windows = new Map<string, DenialWindow<Denial>>();

  constructor(
    private readonly windowMs: number,
    private readonly maxWindows = 10_000,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Counts a denial; call {@link takeEnded} first. Returns whether it is the first one of its window. */
  add(key: string, denial: Denial): boolean {
    const open = this.windows.get(key);
    if (open) {
      open.repeats += 1;
      return false;
    }
    this.windows.set(key, { denial, repeats: 0, endsAt: this.now() + this.windowMs });
    return true;
  }

  /** Ends a window whose first denial was not recorded, so that the next one is. */
  forget(key: string): void {
    this.windows.delete(key);
  }

  /** Removes the windows that have ended, and returns those with repeats. */
  takeEnded(isEverything = false): DenialWindow<Denial>[] {
    const ended: DenialWindow<Denial>[] = [];
    for (const [key, window] of this.windows) {
      const isLast = this.windows.size <= this.maxWindows;
      if (!isEverything && isLast && window.endsAt > this.now()) break;
      this.windows.delete(key);
      if (window.repeats > 0) ended.push(window);
    }
    return ended;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@nestjs/common';
import { explainError } from '../errors/error-text.js';
import { Wakeup } from './wakeup.js';

export interface LoopOptions {
  /** The work of one round. `isSignalled` is false if the round begins because time has passed. */
  readonly round: (isSignalled: boolean) => Promise<void>;
  /** Milliseconds between two rounds without a signal, and after a failed round. */
  readonly pollMs: number;
  /** Returns the pause after a round, in milliseconds, from the duration of the round. Default: no pause. */
  readonly pauseAfter?: (duration: number) => number;
  readonly logger: Logger;
  /** The effect of failed rounds, for the log. It is logged once, until a round succeeds. */
  readonly failing: string;
  /** Logged when a round succeeds again. */
  readonly recovered?: string;
}

/** Runs rounds of work, one at a time: after each signal, and when no signal came for a while. */
export class BackgroundLoop {
  private readonly wakeup = new Wakeup();
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private hasFailed = false;

  constructor(private readonly options: LoopOptions) {}

  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  start(): void {
    this.running = this.run();
  }

  /** Makes the next round begin at once, or as soon as the present one and its pause have ended. */
  signal(): void {
    this.wakeup.raise();
  }

  /** Resolves when the present round has ended. A loop that waits runs a last round. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wakeup.raise();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.isStopping) {
      const isSignalled = await this.wakeup.raisedWithin(this.options.pollMs);
      const start = performance.now();
      await this.attempt(isSignalled);
      await this.pause(performance.now() - start);
    }
  }

  private async attempt(isSignalled: boolean): Promise<void> {
    const { round, logger, failing, recovered } = this.options;
    try {
      await round(isSignalled);
      if (this.hasFailed && recovered !== undefined) logger.log(recovered);
      this.hasFailed = false;
    } catch (error) {
      if (!this.hasFailed) logger.warn(`${failing} ${explainError(error)}`);
      this.hasFailed = true;
    }
  }

  private async pause(duration: number): Promise<void> {
    const { pollMs, pauseAfter } = this.options;
    const ms = this.hasFailed ? pollMs : (pauseAfter?.(duration) ?? 0);
    if (ms > 0) await sleep(ms, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }
}

import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that requests have to end when the process stops, before they are aborted. */
const GRACE_MS = 2_000;

/** The requests to endpoints that an instance sends now. */
export class RequestsInProgress {
  private readonly requests = new Set<Promise<void>>();

  get size(): number {
    return this.requests.size;
  }

  /** @param onEnd called when the request has ended */
  add(request: Promise<void>, onEnd: () => void): void {
    const tracked = request.finally(() => {
      this.requests.delete(tracked);
      onEnd();
    });
    this.requests.add(tracked);
  }

  /** Waits until the requests have ended, and aborts them after 2 seconds. */
  async stop(abort: () => void): Promise<void> {
    const grace = new AbortController();
    const isOver = sleep(GRACE_MS, undefined, { signal: grace.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.requests), isOver]);
    grace.abort();
    abort();
    await Promise.all(this.requests);
  }
}

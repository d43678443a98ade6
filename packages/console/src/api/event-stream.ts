import { type CloudEvent, isProblem } from '@agent-mesh/client';
import { mesh } from './mesh';

export type StreamStatus = 'connecting' | 'live' | 'down';

/** Milliseconds until the stream begins again after the controller has refused it. */
const PAUSE_MS = 5_000;

interface Handlers {
  onEvent: (event: CloudEvent) => void;
  /** Called when the stream begins without a cursor, so earlier events can be missing. */
  onGap: () => void;
}

/** Follows the event log from now on, until it is stopped. */
export class EventStream {
  private current: StreamStatus = 'connecting';
  private cursor: string | undefined;
  private connection = new AbortController();
  private readonly listeners = new Set<() => void>();
  private readonly followers = new Set<(event: CloudEvent) => void>();
  private readonly stopped = new AbortController();

  constructor(private readonly handlers: Handlers) {}

  readonly status = (): StreamStatus => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Calls a function with each event that arrives from now on. Returns a function that ends this. */
  readonly listen = (follower: (event: CloudEvent) => void): (() => void) => {
    this.followers.add(follower);
    return () => this.followers.delete(follower);
  };

  stop(): void {
    this.stopped.abort();
    this.connection.abort();
    window.removeEventListener('online', this.reconnect);
  }

  async run(): Promise<void> {
    window.addEventListener('online', this.reconnect);
    while (!this.isStopped()) {
      this.connection = new AbortController();
      await this.follow(this.connection.signal).catch(() => this.pause());
    }
  }

  /** Reads events over reconnects, until the controller refuses the stream or the signal aborts. */
  private async follow(signal: AbortSignal): Promise<void> {
    let isContinued = this.cursor !== undefined;
    const onConnection = (isConnected: boolean): void => {
      if (signal.aborted) return;
      if (isConnected && !isContinued) {
        isContinued = true;
        this.handlers.onGap();
      }
      this.change(isConnected ? 'live' : 'down');
    };
    try {
      const events = mesh.events({ after: this.cursor }, { signal, onConnection });
      for await (const { event, cursor } of events) {
        this.cursor = cursor;
        this.handlers.onEvent(event);
        for (const follower of this.followers) follower(event);
      }
    } catch (error) {
      // The cursor is of another log, or its events were removed.
      if (isProblem(error, 'events.cursor_invalid', 'events.cursor_gone')) this.cursor = undefined;
      throw error;
    }
  }

  /** The browser has a network again: do not wait for the next reconnect. */
  private readonly reconnect = (): void => {
    if (this.current !== 'live') this.connection.abort();
  };

  private async pause(): Promise<void> {
    if (this.isStopped()) return;
    this.change('down');
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }

  private isStopped(): boolean {
    return this.stopped.signal.aborted;
  }

  private change(status: StreamStatus): void {
    if (this.current === status) return;
    this.current = status;
    for (const listener of this.listeners) listener();
  }
}

import { session } from '../auth/session';
import { apiUrl } from './addresses';
import type { MeshEvent } from './types';

export type StreamStatus = 'connecting' | 'live' | 'down';

/** The controller writes at least every 15 seconds. */
const SILENCE_MS = 40_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;

interface Handlers {
  onEvent: (event: MeshEvent) => void;
  /** Called when the stream begins or continues without a known place, so events can be missing. */
  onGap: () => void;
}

/**
 * Follows `GET /events/stream` (Server-Sent Events, WHATWG HTML section 9.2) with `fetch`, because `EventSource` cannot
 * send a token. Connects again from the last event until it is stopped.
 */
export class EventStream {
  private current: StreamStatus = 'connecting';
  private lastId: string | undefined;
  private readonly listeners = new Set<() => void>();
  private readonly followers = new Set<(event: MeshEvent) => void>();
  private readonly stopped = new AbortController();

  constructor(private readonly handlers: Handlers) {}

  readonly status = (): StreamStatus => this.current;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Calls a function with each event that arrives from now on. Returns a function that ends this. */
  readonly listen = (follower: (event: MeshEvent) => void): (() => void) => {
    this.followers.add(follower);
    return () => this.followers.delete(follower);
  };

  stop(): void {
    this.stopped.abort();
  }

  private isStopped(): boolean {
    return this.stopped.signal.aborted;
  }

  async run(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.isStopped()) {
      await this.follow().catch(() => undefined);
      if (this.isStopped()) return;
      const wasLive = this.current === 'live';
      this.change('down');
      pause = wasLive ? FIRST_PAUSE_MS : Math.min(pause * 2, LONGEST_PAUSE_MS);
      await this.wait(pause);
    }
  }

  /** Reads one connection to its end. */
  private async follow(): Promise<void> {
    const token = session.token;
    if (token === undefined) return;
    const silence = new AbortController();
    const signal = AbortSignal.any([silence.signal, this.stopped.signal]);
    let timer = setTimeout(() => {
      silence.abort();
    }, SILENCE_MS);
    try {
      const headers = new Headers({
        Authorization: `Bearer ${token}`,
        Accept: 'text/event-stream',
      });
      if (this.lastId !== undefined) headers.set('Last-Event-ID', this.lastId);
      const response = await fetch(apiUrl('/events/stream'), { headers, signal });
      if (!response.ok || response.body === null) {
        if (response.status === 401) session.expire(token);
        // A cursor that is gone or of another log.
        else if (response.status === 410 || response.status === 400) this.lastId = undefined;
        return;
      }
      if (this.lastId === undefined) this.handlers.onGap();
      this.change('live');
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let buffer = '';
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(() => {
          silence.abort();
        }, SILENCE_MS);
        const frames = `${buffer}${value}`.split('\n\n');
        buffer = frames.pop() ?? '';
        for (const frame of frames) this.take(frame);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  private take(frame: string): void {
    const fields = new Map<string, string>();
    for (const line of frame.split('\n')) {
      const colon = line.indexOf(':');
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
    }
    const id = fields.get('id');
    if (id !== undefined) this.lastId = id;
    const data = fields.get('data');
    if (data === undefined) return;
    if (fields.get('event') === 'end') {
      if (data.includes('log_restored')) this.lastId = undefined;
      return;
    }
    const event = JSON.parse(data) as MeshEvent;
    this.handlers.onEvent(event);
    for (const follower of this.followers) follower(event);
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        window.removeEventListener('online', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      window.addEventListener('online', done);
    });
  }

  private change(status: StreamStatus): void {
    if (this.current === status) return;
    this.current = status;
    for (const listener of this.listeners) listener();
  }
}

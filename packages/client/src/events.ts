import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { ConnectionError, CredentialsError, ProblemError } from './errors.js';
import type { Http, RequestOptions } from './http.js';
import { pause } from './pause.js';
import { isTransient, pauseMs } from './retry.js';
import type { CloudEvent, EventPage } from './types.js';

/** Selects events. A member that is undefined selects all. */
export interface EventFilter {
  /** A cursor: events after it are returned. Default: from now on. */
  readonly after?: string | undefined;
  /** Types of events, such as `task.routed`. */
  readonly types?: readonly string[] | undefined;
  /** Events of this task only. */
  readonly taskId?: string | undefined;
  /** Events of this trace only. */
  readonly traceId?: string | undefined;
}

/** An event, and the cursor to continue after it. */
export interface MeshEvent {
  /** Pass it as `after` to continue after this event. */
  readonly cursor: string;
  /** The event. */
  readonly event: CloudEvent;
}

export interface EventOptions extends RequestOptions {
  /** Called with true when the stream is connected, and with false when it has ended and a reconnect follows. */
  readonly onConnection?: ((isConnected: boolean) => void) | undefined;
}

/** The controller sends a comment every 15 s. */
const SILENCE_MS = 45_000;

/** The event log from a cursor on, as a stream that connects again by itself. */
export class EventReader {
  private after: string | undefined;

  constructor(
    private readonly http: Http,
    private readonly filter: EventFilter,
    private readonly options: EventOptions,
  ) {
    this.after = filter.after;
  }

  /**
   * Yields events without end, each once and in order, over reconnects. Ends when `signal` aborts.
   *
   * @throws ProblemError if the controller refuses the stream, for example `events.cursor_gone`
   */
  async *events(): AsyncGenerator<MeshEvent, void, undefined> {
    const { signal, onConnection } = this.options;
    let failures = 0;
    while (!signal?.aborted) {
      let retryAfterMs: number | undefined;
      try {
        this.after ??= await this.head();
        for await (const { id, data } of this.messages(this.after)) {
          failures = 0;
          this.after = id ?? this.after;
          yield { cursor: this.after, event: JSON.parse(data) as CloudEvent };
        }
      } catch (error) {
        if (!canReconnect(error) && !signal?.aborted) throw error;
        if (error instanceof ProblemError) ({ retryAfterMs } = error);
        failures += 1;
      }
      onConnection?.(false);
      await pause(pauseMs(failures, retryAfterMs), signal).catch(() => undefined);
    }
  }

  /** Returns the present end of the log, so that a reconnect before the first event misses none. */
  private async head(): Promise<string> {
    const { body } = await this.http.send({
      ...this.options,
      method: 'GET',
      path: '/events',
      query: { ...this.query('head'), limit: 1 },
    });
    return (body as EventPage).next;
  }

  /** Yields the messages of one connection. */
  private async *messages(after: string): AsyncGenerator<EventSourceMessage, void, undefined> {
    const response = await this.http.open({
      ...this.options,
      method: 'GET',
      path: '/events/stream',
      query: this.query(after),
      headers: { accept: 'text/event-stream' },
    });
    if (response.body === null) return;
    this.options.onConnection?.(true);
    const received: EventSourceMessage[] = [];
    const parser = createParser({ onEvent: (message) => received.push(message) });
    for await (const text of textsOf(response.body)) {
      parser.feed(text);
      for (const message of received.splice(0)) {
        if (message.event === 'end') return;
        yield message;
      }
    }
  }

  private query(after: string) {
    const { types, taskId, traceId } = this.filter;
    return { after, types: types?.join(','), task_id: taskId, trace_id: traceId };
  }
}

/** Yields the text of a stream. Cancels it when the consumer stops, or when nothing arrives for 45 s. */
async function* textsOf(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<string, void, undefined> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read());
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function inTime<T>(reading: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new ConnectionError('mesh.timeout', 'The event stream is silent.'));
    }, SILENCE_MS);
  });
  try {
    return await Promise.race([reading, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** A connection that breaks while the body is read is a TypeError, or an error of the stream. */
function canReconnect(error: unknown): boolean {
  if (error instanceof ProblemError)
    return isTransient(error, true) || error.code === 'events.too_many_streams';
  return !(error instanceof SyntaxError) && !(error instanceof CredentialsError);
}

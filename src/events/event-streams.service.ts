import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { DomainError } from '../errors/domain-error.js';
import { limitsReader } from '../http/reader-limit.js';
import { MetricsService } from '../observability/metrics.service.js';
import type { EventStreamQuery } from './dto/events.query.js';
import { EventHubService } from './event-hub.service.js';
import { EventReaderService } from './event-reader.service.js';
import { END_REASONS, EventStream } from './event-stream.js';

/** Maximum number of streams of one subject on this instance. */
const MAX_OF_SUBJECT = 5;
/** Seconds after which a refused client tries again. */
const RETRY_AFTER = 5;

/** The event streams of this instance. */
@Injectable()
export class EventStreamsService {
  private readonly ofSubject = new Map<string, number>();
  private readonly ended: Counter<'reason'>;
  private count = 0;

  constructor(
    private readonly reader: EventReaderService,
    private readonly hub: EventHubService,
    private readonly environment: Environment,
    { registry }: MetricsService,
  ) {
    const registers = [registry];
    this.ended = new Counter({
      name: 'mesh_event_streams_ended_total',
      help: 'Event streams that ended, by reason.',
      labelNames: ['reason'],
      registers,
    });
    for (const reason of END_REASONS) this.ended.inc({ reason }, 0);
    const count = (): number => this.count;
    new Gauge({
      name: 'mesh_event_streams',
      help: 'Open event streams of this instance.',
      registers,
      collect() {
        this.set(count());
      },
    });
  }

  /**
   * Streams the events after a cursor until the client disconnects or the stream ends. Without a cursor, streams the events
   * from now on. Every error is thrown before the stream starts.
   *
   * @throws DomainError `events.cursor_invalid`, `events.cursor_gone`, `events.filter_forbidden`, `events.too_many_streams`
   *   or `server.overloaded`
   */
  async stream(
    agent: Agent,
    query: EventStreamQuery,
    after: string | undefined,
    response: ServerResponse,
  ): Promise<void> {
    const leave = this.enter(agent);
    try {
      const reader = await this.reader.open(agent, query);
      const start = await this.reader.startAfter(after);
      limitsReader(response);
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
      response.write('retry: 3000\n\n');
      const { reader: events, hub, environment } = this;
      const stream = new EventStream(reader, start, response, events, hub, environment.PUBLIC_URL);
      const reason = await stream.run();
      this.ended.inc({ reason });
      if (reason === 'slow_consumer' || reason === 'closed') response.destroy();
      else response.end(`event: end\ndata: {"reason":"${reason}"}\n\n`);
    } finally {
      leave();
    }
  }

  /**
   * Takes a place for a stream of a caller. Returns the function that gives it back.
   *
   * @throws DomainError `events.too_many_streams` or `server.overloaded`
   */
  enter({ subject }: Agent): () => void {
    const own = this.ofSubject.get(subject) ?? 0;
    if (own >= MAX_OF_SUBJECT) {
      throw new DomainError(
        'events.too_many_streams',
        `A subject can have ${MAX_OF_SUBJECT} event streams on one instance. Close one first.`,
        { retryAfter: RETRY_AFTER },
      );
    }
    if (this.count >= this.environment.EVENTS_MAX_STREAMS) {
      throw new DomainError(
        'server.overloaded',
        'This instance has no place for another event stream; retry the request.',
        { retryAfter: RETRY_AFTER },
      );
    }
    this.count += 1;
    this.ofSubject.set(subject, own + 1);
    return () => {
      this.count -= 1;
      const left = (this.ofSubject.get(subject) ?? 1) - 1;
      if (left === 0) this.ofSubject.delete(subject);
      else this.ofSubject.set(subject, left);
    };
  }
}

import { EventSource } from 'eventsource';
import type { TestApp } from './app.js';
import type { Client } from './client.js';
import { until } from './eventually.js';

/** An event as the tests compare it. */
export interface CloudEvent {
  id: string;
  type: string;
  subject?: string;
  sequence: string;
  source: string;
  role: string;
  data: Record<string, unknown>;
}

export interface EventPage {
  events: CloudEvent[];
  next: string;
  head: string;
}

/** Reads all pages after a cursor. */
export async function readEvents(client: Client, after = '0', query = ''): Promise<CloudEvent[]> {
  const events: CloudEvent[] = [];
  for (let next = after; ;) {
    const { body } = await client.get<EventPage>(`/events?after=${next}&limit=500${query}`);
    events.push(...body.events);
    if (body.next === body.head) return events;
    next = body.next;
  }
}

/** Waits until all committed events have a position. */
export async function untilSequenced(mesh: Pick<TestApp, 'query'>): Promise<void> {
  await until(async () => {
    const rows = await mesh.query(
      `SELECT 1 FROM audit_events e
        WHERE NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.id) LIMIT 1`,
    );
    return rows.length === 0;
  });
}

/** A client of `GET /events/stream` as browsers have it. */
export class StreamReader {
  readonly events: { cursor: string; event: CloudEvent }[] = [];
  /** Reasons for which the controller ended streams. */
  readonly ends: string[] = [];
  private readonly source: EventSource;
  private opened = false;

  constructor(url: string, token: string, types: readonly string[]) {
    this.source = new EventSource(url, {
      fetch: (input, init) =>
        fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } }),
    });
    this.source.addEventListener('open', () => (this.opened = true));
    this.source.addEventListener('end', ({ data }) => {
      this.ends.push((JSON.parse(String(data)) as { reason: string }).reason);
    });
    for (const type of types) {
      this.source.addEventListener(type, ({ data, lastEventId }) => {
        this.events.push({ cursor: lastEventId, event: JSON.parse(String(data)) as CloudEvent });
      });
    }
  }

  untilOpen(): Promise<void> {
    return until(() => this.opened);
  }

  untilCount(count: number): Promise<void> {
    return until(() => this.events.length >= count);
  }

  close(): void {
    this.source.close();
  }
}

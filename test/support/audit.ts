import { expect } from '@jest/globals';
import type { TestApp } from './app.js';
import type { Client } from './client.js';

export interface EventBody {
  id: string;
  event_type: string;
  role: string;
  actor: string;
  timestamp: string;
  trace_id: string;
  task_id: string | null;
  metadata: Record<string, unknown>;
}

export interface EventPage {
  events: EventBody[];
  page_size: number;
  next_cursor: string | null;
}

/** The last line of an export. */
export interface ExportEnd extends EventBody {
  count: number;
  digest: string;
}

/** Parses a complete export: its events, and its last line. */
export function parseExport(text: string): { events: EventBody[]; end: ExportEnd } {
  expect(text.endsWith('\n')).toBe(true);
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ExportEnd);
  const end = lines.pop();
  if (end?.event_type !== 'export_completed') throw new Error('The export is incomplete.');
  return { events: lines, end };
}

/** The required members of a body for `POST /audit/ingest`. */
export const REPORT = { source: 'policy-engine', category: 'policy', action: 'evaluated' };

/** An audit event as it is stored. */
export async function auditEvent(mesh: TestApp, id: string): Promise<EventBody> {
  const [event] = await mesh.query<EventBody>(`SELECT * FROM audit_events WHERE id = $1`, [id]);
  if (!event) throw new Error(`The event ${id} is not stored.`);
  return event;
}

export async function listEvents(client: Client, query: string): Promise<EventBody[]> {
  const answer = await client.get<EventPage>(`/audit/events?${query}`);
  expect(answer.status).toBe(200);
  return answer.body.events;
}

export async function listEventTypes(client: Client, query: string): Promise<string[]> {
  return (await listEvents(client, query)).map(({ event_type }) => event_type);
}

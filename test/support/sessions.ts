import { expect } from '@jest/globals';
import type { SessionStatus } from '../../src/lifecycle/session-status.js';
import type { TestApp } from './app.js';
import type { Client } from './client.js';
import type { SessionBody } from './work.js';

/** Creates a session of a role. */
export async function createSession(
  client: Client,
  role: string,
  members: object = {},
): Promise<SessionBody> {
  const created = await client.post<SessionBody>('/sessions', { role, ...members });
  expect(created.status).toBe(201);
  return created.body;
}

/** Creates a session of a role and brings it into a status by the agent that claims it. */
export async function sessionInStatus(
  status: SessionStatus,
  client: Client,
  role: string,
): Promise<SessionBody> {
  const session = await createSession(client, role);
  if (status === 'pending') return session;
  if (status !== 'expired') await client.put(`/sessions/${session.id}`, { status: 'active' });
  if (status !== 'active') await client.put(`/sessions/${session.id}`, { status });
  const { body } = await client.get<SessionBody>(`/sessions/${session.id}`);
  expect(body.status).toBe(status);
  return body;
}

export interface EventRow {
  event_type: string;
  role: string;
  actor: string;
  metadata: Record<string, unknown>;
}

/** The audit events of a session, in order. */
export function sessionEvents(mesh: TestApp, sessionId: string): Promise<EventRow[]> {
  return mesh.query<EventRow>(
    `SELECT event_type, role, actor, metadata FROM audit_events
      WHERE session_id = $1 ORDER BY timestamp, id`,
    [sessionId],
  );
}

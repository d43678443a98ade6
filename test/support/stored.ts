import type { Client } from 'pg';
import type { SessionStatus } from '../../src/lifecycle/session-status.js';

export interface StoredSession {
  id: string;
  /** That of the request which made it, for a plain session. */
  trace: string;
  attempt: number | null;
  status: SessionStatus;
  version: number;
}

export interface StoredEvent {
  type: string;
  /** That of the request which it tells of. */
  trace: string;
  session_id: string | null;
  approval_id: string | null;
  /** The version of the session that the change made; 0 when it made none. */
  version: number;
  from: SessionStatus | null;
  to: SessionStatus | null;
}

/** What a run left in Postgres, in the words of the {@link check}. */
export interface Stored {
  tasks: { id: string; key: string; attempts: number }[];
  sessions: StoredSession[];
  approvals: { id: string; status: string; asked_with: string; decided_with: string }[];
  events: StoredEvent[];
  records: { key: string; body: string }[];
}

/** Reads it all. The workload writes each request's key into what the request makes. */
export async function readStored(db: Client): Promise<Stored> {
  const [tasks, sessions, approvals, events, records] = [
    await db.query<Stored['tasks'][number]>(
      `SELECT t.id, t.data->>'key' AS key,
              (SELECT count(*)::integer FROM sessions s
                WHERE s.task_id = t.id AND s.attempt IS NOT NULL) AS attempts
         FROM tasks t`,
    ),
    await db.query<StoredSession>(
      `SELECT id, trace_id AS trace, attempt, status, version FROM sessions`,
    ),
    await db.query<Stored['approvals'][number]>(
      `SELECT id, status, reason AS asked_with, notes AS decided_with FROM approvals`,
    ),
    await db.query<StoredEvent>(
      `SELECT event_type AS type, coalesce(metadata->>'request_trace_id', '') AS trace,
              session_id, approval_id, coalesce((metadata->>'version')::integer, 0) AS version,
              metadata->>'from' AS "from", metadata->>'to' AS "to"
         FROM audit_events WHERE event_type <> 'access_denied'`,
    ),
    await db.query<Stored['records'][number]>(
      `SELECT key, response_body AS body FROM idempotency_records`,
    ),
  ];
  return {
    tasks: tasks.rows,
    sessions: sessions.rows,
    approvals: approvals.rows,
    events: events.rows,
    records: records.rows,
  };
}

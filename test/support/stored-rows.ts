import type { Client } from 'pg';
import type { SessionStatus } from '../../src/lifecycle/session-status.js';

export interface StoredSession {
  id: string;
  /** That of the request which made it, for a plain session. */
  trace: string;
  task_id: string | null;
  attempt: number | null;
  status: SessionStatus;
  version: number;
}

export interface StoredApproval {
  id: string;
  status: string;
  /** The keys of the requests that asked for it and decided it. */
  asked_with: string;
  decided_with: string;
}

export interface StoredEvent {
  type: string;
  /** Whether a sweep did it. */
  by_system: boolean;
  /** That of the request which it tells of. */
  trace: string;
  task_id: string | null;
  session_id: string | null;
  approval_id: string | null;
  /** The version of the session that the change made; 0 when it made none. */
  version: number;
  from: SessionStatus | null;
  to: SessionStatus | null;
}

/** What a run left in Postgres, in the words of the {@link check}. */
export interface Stored {
  tasks: { id: string; key: string; status: string }[];
  sessions: StoredSession[];
  approvals: StoredApproval[];
  /** In the order of the trail. */
  events: StoredEvent[];
  records: { key: string; body: string }[];
}

/** Reads it all. The workload writes each request's key into what the request makes. */
export async function readStored(db: Client): Promise<Stored> {
  const [tasks, sessions, approvals, events, records] = [
    await db.query<Stored['tasks'][number]>(
      `SELECT t.id, t.data->>'key' AS key, s.status
         FROM tasks t LEFT JOIN task_states s ON s.task_id = t.id`,
    ),
    await db.query<StoredSession>(
      `SELECT id, trace_id AS trace, task_id, attempt, status, version FROM sessions`,
    ),
    await db.query<StoredApproval>(
      `SELECT id, status, reason AS asked_with, notes AS decided_with FROM approvals`,
    ),
    await db.query<StoredEvent>(
      `SELECT event_type AS type, coalesce(metadata->>'request_trace_id', '') AS trace,
              role = 'system' AS by_system, task_id, session_id, approval_id,
              coalesce((metadata->>'version')::integer, 0) AS version,
              metadata->>'from' AS "from", metadata->>'to' AS "to"
         FROM audit_events WHERE event_type <> 'access_denied' ORDER BY timestamp, id`,
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

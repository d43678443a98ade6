import type { EntityManager } from 'typeorm';
import { ABOUT_LOG } from '../audit-log/archived-events.sql.js';
import { type ConnectionRole, ownerOf, ROLE } from '../audit-log/log-owner.sql.js';
import { ERASURE_LOCK } from '../audit-log/operator-locks.js';
import type { ErasureSelection } from './erasure-selection.js';

/** The text of an audit event, from which its leaf is made. */
export interface ErasableEvent {
  id: string;
  event_type: string;
  role: string;
  trace_id: string;
  task_id: string | null;
  session_id: string | null;
  approval_id: string | null;
  timestamp: string;
  actor: string;
  metadata: string;
  salt: string;
  erased: null;
}

/** An event after its erasure. */
export interface ErasedEvent {
  id: string;
  /** The commitments to the erased parts, by their names. */
  erased: Readonly<Record<string, string>>;
  metadata: object;
}

const BATCH = 1_000;

/** Erases audit events, in a transaction of the caller. */
export class ErasedEventsRepository {
  constructor(private readonly manager: EntityManager) {}

  /**
   * Returns the role of the connection.
   *
   * @throws NotOwnerError if it does not own the audit log
   */
  async getOwner(): Promise<string> {
    return ownerOf(await this.manager.query<ConnectionRole[]>(ROLE));
  }

  /** Lets the transaction erase events. Returns false if another erasure runs. */
  async lock(): Promise<boolean> {
    const [lock] = await this.manager.query<{ taken: boolean }[]>(
      `SELECT pg_try_advisory_xact_lock($1) AS taken, set_config('agent_mesh.erasing', 'on', true)`,
      [ERASURE_LOCK],
    );
    return lock?.taken === true;
  }

  /** Waits for changes in progress, and keeps others away until the end of the transaction. Reads go on. */
  async lockTables(): Promise<void> {
    await this.manager.query(
      `LOCK TABLE tasks, sessions, approvals, approval_votes, vote_renewals IN SHARE ROW EXCLUSIVE MODE`,
    );
  }

  /** Yields the selected events that are not erased, in batches. */
  async *events(selection: ErasureSelection): AsyncGenerator<ErasableEvent[]> {
    const [condition, value] = conditionOf(selection);
    let after = '00000000-0000-0000-0000-000000000000';
    for (;;) {
      const rows = await this.manager.query<ErasableEvent[]>(
        `SELECT ${EVENT} FROM audit_events e
          WHERE ${condition} AND e.erased IS NULL AND e.id > $2 AND ${ERASABLE} ORDER BY e.id LIMIT ${BATCH}`,
        [value, after],
      );
      if (rows.length > 0) yield rows;
      if (rows.length < BATCH) return;
      after = rows.at(-1)?.id ?? after;
    }
  }

  /** Returns the ids that are not those of an event that can be erased. */
  async unknownEvents(ids: readonly string[]): Promise<string[]> {
    const rows = await this.manager.query<{ id: string }[]>(
      `SELECT id FROM unnest($1::uuid[]) AS given(id)
        WHERE NOT EXISTS (SELECT FROM audit_events e WHERE e.id = given.id AND ${ERASABLE})`,
      [ids],
    );
    return rows.map(({ id }) => id);
  }

  async eraseEvents(events: readonly ErasedEvent[]): Promise<void> {
    await this.manager.query(ERASE, [JSON.stringify(events)]);
  }

  /** Returns the highest number of an erased subject. */
  async lastNumber(): Promise<number> {
    const [row] = await this.manager.query<{ last: number | null }[]>(LAST_NUMBER);
    return row?.last ?? 0;
  }

  /** Returns the number of events of other subjects that have the digest of an emptied approval. */
  async countDigests(approvals: readonly string[]): Promise<number> {
    const [row] = await this.manager.query<{ count: number }[]>(
      `SELECT count(*)::integer AS count FROM audit_events
        WHERE approval_id = ANY($1) AND erased IS NULL AND metadata ? 'digest'`,
      [approvals],
    );
    return row?.count ?? 0;
  }

  async record(events: readonly object[]): Promise<void> {
    await this.manager.query(RECORD, [JSON.stringify(events)]);
  }
}

const EVENT = `
  e.id, e.event_type, e.role, e.trace_id, e.task_id, e.session_id, e.approval_id,
  to_char(e.timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS timestamp,
  e.actor, e.metadata::text AS metadata, e.salt::text AS salt, e.erased`;

/** Events about the log itself stay: they explain the others. */
const ERASABLE = `NOT (${ABOUT_LOG})`;

function conditionOf(selection: ErasureSelection): [string, unknown] {
  if (selection.kind === 'subject') return [NAMED, selection.subject];
  if (selection.kind === 'events') return ['e.id = ANY($1::uuid[])', selection.events];
  return [
    `(e.task_id = $1 OR e.session_id IN (SELECT s.id FROM sessions s WHERE s.task_id = $1))
     AND (e.actor <> 'system' OR e.metadata ?| ARRAY['told', 'digest', 'content'])`,
    selection.task,
  ];
}

/** Events of a subject, and events of others whose details name it. */
const NAMED = `
  (e.actor = $1 OR e.metadata ->> 'paused_by' = $1
   OR e.metadata -> 'discarded_votes' @> jsonb_build_array(jsonb_build_object('subject', $1::text)))`;

const ERASE = `
  UPDATE audit_events e SET erased = u.erased, salt = NULL, actor = 'erased', metadata = u.metadata
    FROM jsonb_to_recordset($1::jsonb) AS u(id uuid, erased jsonb, metadata jsonb) WHERE e.id = u.id`;

const LAST_NUMBER = `
  SELECT max(substring(metadata ->> 'alias' FROM '^erased#(\\d+)$')::integer) AS last
    FROM audit_events WHERE event_type = 'data_erased'`;

const RECORD = `
  INSERT INTO audit_events (id, event_type, role, actor, trace_id, metadata, salt)
  SELECT id, event_type, role, actor, trace_id, metadata, salt
    FROM jsonb_to_recordset($1::jsonb)
      AS e(id uuid, event_type text, role text, actor text, trace_id uuid, metadata jsonb, salt uuid)`;

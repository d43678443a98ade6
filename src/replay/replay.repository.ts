import type { EntityManager } from 'typeorm';
import { jsonTime } from '../database/timestamp.js';
import type { LogEntry, MissingEvent } from './log-entry.js';

/** A row of a table. Times are text in milliseconds. */
export type StoredRow = Readonly<Record<string, unknown>>;

/** Consecutive entries of the event log, the last one included. */
export interface ArchivedRange {
  readonly from: number;
  readonly to: number;
}

/** The tables that are compared with the log. */
export type ReplayedTable = 'tasks' | 'sessions' | 'approvals' | 'approval_votes' | 'vote_renewals';

const FETCH = 2_000;

/** Reads the audit log and the tables, in one transaction, without holding them in memory. */
export class ReplayRepository {
  constructor(private readonly manager: EntityManager) {}

  /** Lets all reads of the transaction see one snapshot. It needs no permission to write, so a standby can run it. */
  async begin(): Promise<void> {
    await this.manager.query(`SET TRANSACTION READ ONLY`);
  }

  /** Returns the names that stand for the actors of erased events, by the ids of the events. */
  async aliases(): Promise<Map<string, string>> {
    const rows = await this.manager.query<{ id: string; alias: string }[]>(ALIASES);
    return new Map(rows.map(({ id, alias }) => [id, alias]));
  }

  /** Returns the archived entries, whose events are no longer in the database, and the latest time of such an event. */
  async archive(): Promise<{ ranges: ArchivedRange[]; until: string | null }> {
    const rows = await this.manager.query<(ArchivedRange & { until: string | null })[]>(ARCHIVE);
    return { ranges: rows, until: rows[0]?.until ?? null };
  }

  /** Yields the events from before the event log, then those of the log, then those that have no position yet. */
  async *events(): AsyncGenerator<LogEntry | MissingEvent> {
    yield* this.fetchAll<LogEntry>(UNNUMBERED('e.n IS NULL', 'e.timestamp, e.id'));
    yield* this.fetchAll<LogEntry | MissingEvent>(NUMBERED);
    yield* this.fetchAll<LogEntry>(UNNUMBERED('e.n IS NOT NULL', 'e.n'));
  }

  rows(table: ReplayedTable): AsyncGenerator<StoredRow> {
    return this.fetchAll<StoredRow>(`SELECT ${COLUMNS[table]} FROM ${table} r`);
  }

  private async *fetchAll<Row>(query: string): AsyncGenerator<Row> {
    await this.manager.query(`DECLARE replay NO SCROLL CURSOR FOR ${query}`);
    for (;;) {
      const rows = await this.manager.query<Row[]>(`FETCH ${FETCH} FROM replay`);
      yield* rows;
      if (rows.length < FETCH) break;
    }
    await this.manager.query('CLOSE replay');
  }
}

const EVENT = `
  e.id, e.event_type, e.role, e.actor, ${jsonTime('e.timestamp')} AS at, e.trace_id, e.task_id, e.session_id,
  e.approval_id, e.salt, e.metadata`;

const ALIASES = `
  SELECT jsonb_array_elements_text(metadata -> 'event_ids') AS id, metadata ->> 'alias' AS alias
    FROM audit_events WHERE event_type = 'data_erased' AND metadata ? 'alias'`;

const ARCHIVE = `
  SELECT (first_position - 1)::float8 AS from, (first_position + pruned - 2)::float8 AS to,
         ${jsonTime('max(archived_until) OVER ()')} AS until
    FROM audit_log WHERE pruned > 0 ORDER BY first_position`;

const NUMBERED = `
  SELECT (l.position - 1)::float8 AS entry, ${EVENT}
    FROM event_log l LEFT JOIN audit_events e ON e.id = l.event_id
   WHERE e.id IS NOT NULL OR NOT EXISTS (
     SELECT FROM audit_log g WHERE l.position >= g.first_position AND l.position < g.first_position + g.pruned)
   ORDER BY l.position`;

const UNNUMBERED = (which: string, order: string): string => `
  SELECT NULL AS entry, ${EVENT} FROM audit_events e
   WHERE ${which} AND NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.id) ORDER BY ${order}`;

const times = (...names: readonly string[]): string =>
  names.map((name) => `${jsonTime(`r.${name}`)} AS ${name}`).join(', ');

const COLUMNS: Record<ReplayedTable, string> = {
  tasks: `
    id, task_type, description, from_role, to_role, data, context, trace_id, created_by, priority, max_attempts,
    max_run_seconds, parent_task_id, requires_approval, idempotency_key, traceparent, ${times('created_at', 'deadline_at')}`,
  sessions: `
    id, role, task_id, status, metadata, version, trace_id, created_by, attempt, claimed_by, ended_reason,
    lease_seconds, max_run_seconds, parked_for, task_type, from_role, task_status, priority, attempts_left,
    retryable, result, error,
    ${times('created_at', 'updated_at', 'lease_expires_at', 'run_until', 'queued_at', 'not_before')},
    ${times('task_created_at', 'deadline_at')}`,
  approvals: `
    id, task_id, approver_role, status, notes, requested_by, requested_role, decided_by, reason, payload, digest,
    quorum, chain_id, stage, stages, consumed_by, supersedes, delegated_from, reassigned_from, reassigned_by,
    expires_in_seconds, requested_kind, approver_kind, decided_by_kind, repeat, consumed_attempt,
    consumed_session_id, ${times('decision_at', 'created_at', 'expires_at', 'consume_until', 'consumed_at')},
    ${times('reassigned_at')}`,
  approval_votes: `
    approval_id, chain_id, subject, decision, notes, kind, ${times('created_at')},
    (SELECT a.notes FROM approvals a WHERE a.id = r.approval_id) AS approval_notes`,
  vote_renewals: `
    approval_id, subject, decision, notes, ${times('renewed_at')},
    (SELECT a.notes FROM approvals a WHERE a.id = r.approval_id) AS approval_notes`,
};

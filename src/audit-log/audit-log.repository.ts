import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { EventRow } from '../../packages/verify/src/leaf.js';
import { EMPTY_ROOT } from '../../packages/verify/src/tree.js';
import { whereVisible } from '../audit/audit.repository.js';
import type { Agent } from '../auth/agent.js';
import type { WitnessQuorum } from '../config/audit-witness.js';
import { type RowPage, sql, sqlPage } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import { EVENTS_AT_POSITIONS } from '../events/events.repository.js';

/** A sealed log: its place in the event log and its tree. */
export interface SealedLog {
  log: number;
  origin: string;
  /** Position in the event log of entry 0. */
  first_position: number;
  size: number;
  root: Buffer;
  /** Number of entries at the start that are archived. */
  pruned: number;
}

/** An audit event in the form from which its leaf is made. */
export interface PositionedRow extends EventRow {
  position: number;
}

/** How far the log is behind the events. */
export interface LogProgress {
  log: number;
  origin: string;
  size: number;
  /** Number of entries at the start that are archived. */
  archived: number;
  signed: number;
  /** Size of the newest head that enough witnesses have cosigned; 0 if it is over a day older than the newest head. */
  served: number;
  /** Age of the newest head in seconds; null: there is none. */
  head_age: number | null;
  /** Age of the oldest event that is not sealed, and of the oldest that no served head covers, in seconds; 0: there is none. */
  unsealed_seconds: number;
  unsigned_seconds: number;
}

/** Maximum number of events of a page. */
export const ROWS = 2_000;

/** Reads and extends the sealed logs. */
@Injectable()
export class AuditLogRepository {
  /** Returns the log that grows; undefined before the first one. */
  async find(manager: EntityManager): Promise<SealedLog | undefined> {
    const [log] = await sql<SealedLog>(manager, `${SELECT_LOG} WHERE log = ${LATEST}`);
    return log;
  }

  /** Returns all logs, the oldest first. */
  list(manager: EntityManager): Promise<SealedLog[]> {
    return sql(manager, `${SELECT_LOG} ORDER BY log`);
  }

  /** Locks the log that grows until the transaction ends. Undefined: another transaction holds it, or there is none. */
  async tryLock(manager: EntityManager): Promise<SealedLog | undefined> {
    const text = `${SELECT_LOG} WHERE log = ${LATEST} FOR NO KEY UPDATE SKIP LOCKED`;
    const [log] = await sql<SealedLog>(manager, text);
    return log;
  }

  /** Begins a log, unless one with this number or name exists. */
  async begin(
    manager: EntityManager,
    { log, origin, first_position }: Pick<SealedLog, 'log' | 'origin' | 'first_position'>,
  ): Promise<void> {
    const root = EMPTY_ROOT.toString('hex');
    await sql(manager, BEGIN, [JSON.stringify({ log, origin, first_position, root })]);
  }

  /** Records the new size and root. Rejects if the size is not the expected one, or another log continues this one. */
  async grow(
    manager: EntityManager,
    { log, size }: SealedLog,
    next: Pick<SealedLog, 'size' | 'root'>,
  ): Promise<void> {
    const root = next.root.toString('hex');
    const rows = await sql(manager, GROW, [
      JSON.stringify({ log, before: size, size: next.size, root }),
    ]);
    if (rows.length !== 1)
      throw new Error('Another process has sealed the same entries, or continued the log');
  }

  /** Returns the first {@link ROWS} events from one position to another, in their order, as far as they fit into a page. */
  listRows(manager: EntityManager, from: number, to: number): Promise<RowPage<PositionedRow>> {
    return sqlPage(manager, LIST_ROWS, [from, to]);
  }

  /**
   * Returns the event of an id with its position. Undefined if it does not exist, has no position yet, or the agent may not
   * read it.
   *
   * @param visibleTo undefined: an agent that may read all events
   */
  async findRow(
    manager: EntityManager,
    eventId: string,
    visibleTo: Agent | undefined,
  ): Promise<PositionedRow | undefined> {
    const where = whereVisible(new WhereClause(), visibleTo).and('e.id = ?', eventId);
    const text = `
      SELECT ${EVENT_ROW} FROM audit_events e JOIN event_log l ON l.event_id = e.id ${where.toString()}`;
    const [row] = await sql<PositionedRow>(manager, text, where.parameters);
    return row;
  }

  /** Returns the highest position of the event log. */
  async getLastPosition(manager: EntityManager): Promise<number> {
    const [head] = await sql<{ position: number | null }>(manager, LAST_POSITION);
    return head?.position ?? 0;
  }

  /** Returns the positions of the events about the logs themselves, such as changes of their keys. */
  async listOwnPositions(manager: EntityManager): Promise<number[]> {
    const rows = await sql<{ position: number }>(manager, LIST_OWN_POSITIONS);
    return rows.map(({ position }) => position);
  }

  /** Returns the ids of the events whose erasure an event `data_erased` of the event log explains. */
  async listExplained(manager: EntityManager): Promise<string[]> {
    const rows = await sql<{ id: string }>(manager, LIST_EXPLAINED);
    return rows.map(({ id }) => id);
  }

  /** Returns the ids of the events that will never receive a position: the sequencer has passed them. */
  async listUnplaced(manager: EntityManager): Promise<string[]> {
    const rows = await sql<{ id: string }>(manager, LIST_UNPLACED);
    return rows.map(({ id }) => id);
  }

  async getProgress(
    manager: EntityManager,
    { witnesses, count }: WitnessQuorum,
  ): Promise<LogProgress | undefined> {
    const [progress] = await sql<LogProgress>(manager, PROGRESS, [witnesses, count]);
    return progress;
  }
}

const LATEST = '(SELECT max(log) FROM audit_log)';

const SELECT_LOG = `
  SELECT log, origin, first_position::float8 AS first_position, size::float8 AS size, root, pruned::float8 AS pruned
    FROM audit_log`;

const BEGIN = `
  INSERT INTO audit_log (log, origin, first_position, root)
  SELECT v.log, v.origin, v.first_position, decode(v.root, 'hex')
    FROM jsonb_to_record($1::jsonb) AS v(log integer, origin text, first_position bigint, root text)
      ON CONFLICT DO NOTHING`;

const GROW = `
  UPDATE audit_log l SET size = v.size, root = decode(v.root, 'hex'), sealed_at = clock_timestamp()
    FROM jsonb_to_record($1::jsonb) AS v(log integer, before bigint, size bigint, root text)
   WHERE l.log = v.log AND l.size = v.before AND NOT EXISTS (SELECT FROM audit_log n WHERE n.log > v.log)
  RETURNING l.log`;

/** The columns of a {@link PositionedRow}: of an audit event `e` and its position `l`. */
export const EVENT_ROW = `
  l.position::float8 AS position, e.id, e.event_type, e.role, e.trace_id, e.task_id, e.session_id, e.approval_id,
  to_char(e.timestamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS timestamp,
  e.actor, e.metadata::text AS metadata, e.salt, e.erased`;

const LIST_ROWS = `
  SELECT ${EVENT_ROW}
    FROM ${EVENTS_AT_POSITIONS}
   WHERE l.position >= $1 AND l.position <= $2
   ORDER BY l.position LIMIT ${ROWS}`;

const LIST_UNPLACED = `
  SELECT e.id FROM event_log_head h JOIN audit_events e ON e.n <= h.low_n OR (e.n IS NULL AND h.is_backfilled)
   WHERE NOT EXISTS (SELECT FROM event_log l WHERE l.event_id = e.id)
   ORDER BY e.id`;

const LAST_POSITION = `
  SELECT greatest((SELECT last_position FROM event_log_head), (SELECT max(position) FROM event_log))::float8 AS position`;

const LIST_OWN_POSITIONS = `
  SELECT l.position::float8 AS position
    FROM audit_events e JOIN event_log l ON l.event_id = e.id
   WHERE e.event_type IN ('log_continued', 'log_key_changed', 'log_key_revoked')`;

const LIST_EXPLAINED = `
  SELECT x.id
    FROM audit_events e
    JOIN event_log l ON l.event_id = e.id
   CROSS JOIN LATERAL jsonb_array_elements_text(
           CASE WHEN jsonb_typeof(e.metadata -> 'event_ids') = 'array' THEN e.metadata -> 'event_ids' ELSE '[]' END) AS x(id)
   WHERE e.event_type = 'data_erased'`;

const ageOf = (covered: string): string => `
  coalesce((SELECT greatest(extract(epoch FROM clock_timestamp() - e.timestamp), 0)::float8
              FROM event_log p JOIN audit_events e ON e.id = p.event_id
             WHERE p.position = l.first_position + ${covered}), 0)`;

const PROGRESS = `
  SELECT l.log, l.origin, l.size::float8 AS size, l.pruned::float8 AS archived, coalesce(h.size, 0)::float8 AS signed,
         coalesce(s.size, 0)::float8 AS served,
         extract(epoch FROM clock_timestamp() - h.signed_at)::float8 AS head_age,
         ${ageOf('l.size')} AS unsealed_seconds, ${ageOf('coalesce(s.size, 0)')} AS unsigned_seconds
    FROM audit_log l
    LEFT JOIN LATERAL (SELECT size, signed_at FROM audit_heads WHERE log = l.log ORDER BY size DESC LIMIT 1) h ON true
    LEFT JOIN LATERAL (
      SELECT size FROM audit_heads
       WHERE log = l.log
         AND ($2 = 0 OR (signed_at > h.signed_at - interval '1 day' AND cosignatures <> '{}' AND (
               SELECT count(*) FROM jsonb_object_keys(cosignatures) AS k(vkey) WHERE k.vkey = ANY($1::text[])) >= $2))
       ORDER BY size DESC LIMIT 1) s ON true
   WHERE l.log = ${LATEST}`;

import type { EntityManager } from 'typeorm';
import { newId } from '../../common/new-id.js';
import { sql } from '../../database/sql.js';
import { EVENTS_AT_POSITIONS } from '../../events/events.repository.js';
import { ABOUT_LOG } from '../archived-events.sql.js';
import type { SealedLog } from '../audit-log.repository.js';
import { type ConnectionRole, ownerOf, ROLE } from '../log-owner.sql.js';
import { ARCHIVE_LOCK, ERASURE_LOCK } from '../operator-locks.js';

/** An archive that an event `audit_archived` names. */
export interface AnnouncedArchive {
  readonly origin: string;
  /** The first and the last entry. */
  readonly from: number;
  readonly to: number;
  /** The digest of the file with the digests of the archive. */
  readonly sha256: string;
  /** Whether a signed head covers the event. */
  readonly isSigned: boolean;
}

/** Reads which entries can be archived, records archives, and deletes the events that they contain. */
export class LogArchiveRepository {
  /** @throws NotOwnerError if the role of the connection does not own the audit log */
  async assertOwner(manager: EntityManager): Promise<void> {
    ownerOf(await sql<ConnectionRole>(manager, ROLE));
  }

  /**
   * Lets the transaction archive until it ends. It is idle while others do the work, and the server must not end it for
   * that. Returns false if another one archives or erases events.
   */
  async tryLock(manager: EntityManager): Promise<boolean> {
    const [lock] = await sql<{ taken: boolean }>(
      manager,
      `SELECT pg_try_advisory_xact_lock($1) AND pg_try_advisory_xact_lock($2) AS taken,
              set_config('idle_in_transaction_session_timeout', '0', true)`,
      [ARCHIVE_LOCK, ERASURE_LOCK],
    );
    return lock?.taken === true;
  }

  /**
   * Returns the ends of the months, the oldest first, from the first entry that is not archived to the last month that ended
   * more than `days` ago.
   */
  async listMonthEnds(
    manager: EntityManager,
    { first_position, pruned }: SealedLog,
    days: number,
  ): Promise<string[]> {
    const rows = await sql<{ month_end: string }>(manager, MONTH_ENDS, [
      first_position + pruned,
      days,
    ]);
    return rows.map(({ month_end }) => month_end);
  }

  /** Returns the number of entries before the first event that is not earlier than a time. */
  async findEnd(
    manager: EntityManager,
    { first_position, pruned }: SealedLog,
    size: number,
    before: string,
  ): Promise<number> {
    const parameters = [first_position + pruned, first_position + size, before];
    const [row] = await sql<{ position: number }>(manager, FIRST_AT, parameters);
    return row ? row.position - first_position : size;
  }

  /** Returns the size of the newest signed head: with anchors, of the newest that an anchor has. 0: there is none. */
  async getSafeSize(
    manager: EntityManager,
    { log }: SealedLog,
    hasAnchors: boolean,
  ): Promise<number> {
    const [row] = await sql<{ size: number }>(manager, SAFE_SIZE, [log, hasAnchors]);
    return row?.size ?? 0;
  }

  /** Returns the latest archive of entries that are not deleted yet. */
  async findAnnounced(
    manager: EntityManager,
    { origin, pruned }: SealedLog,
  ): Promise<AnnouncedArchive | undefined> {
    const [archive] = await sql<AnnouncedArchive>(manager, ANNOUNCED, [origin, pruned]);
    return archive;
  }

  /** Records the event `audit_archived` of an archive. */
  async record(
    manager: EntityManager,
    { origin, from, to, sha256 }: Omit<AnnouncedArchive, 'isSigned'>,
  ): Promise<void> {
    const metadata = { origin, from, to, sha256 };
    await sql(manager, RECORD, [JSON.stringify({ id: newId(), metadata })]);
  }

  /**
   * Deletes the events of the first entries that are not archived yet, up to an entry, and records that they are archived.
   * Events about the log itself stay. Rejects if another process has deleted them.
   */
  async remove(
    manager: EntityManager,
    { log, first_position, pruned }: SealedLog,
    end: number,
  ): Promise<void> {
    await sql(manager, `SELECT set_config('agent_mesh.archiving', 'on', true)`);
    const values = { log, pruned, end, first: first_position + pruned, last: first_position + end };
    const rows = await sql(manager, REMOVE, [JSON.stringify(values)]);
    if (rows.length !== 1) throw new Error('Another process has archived the same entries');
  }
}

const MONTH_ENDS = `
  WITH first AS (
    SELECT date_trunc('month', e.timestamp, 'UTC') AS month
      FROM ${EVENTS_AT_POSITIONS}
     WHERE l.position >= $1 ORDER BY l.position LIMIT 1)
  SELECT s.month_end::text AS month_end
    FROM first f CROSS JOIN LATERAL generate_series(
           (f.month AT TIME ZONE 'UTC') + interval '1 month',
           date_trunc('month', (clock_timestamp() - make_interval(days => $2)) AT TIME ZONE 'UTC'),
           interval '1 month') AS g(month_end)
   CROSS JOIN LATERAL (SELECT g.month_end AT TIME ZONE 'UTC' AS month_end) s
   ORDER BY s.month_end`;

const FIRST_AT = `
  SELECT l.position::float8 AS position
    FROM ${EVENTS_AT_POSITIONS}
   WHERE l.position >= $1 AND l.position < $2 AND e.timestamp >= $3::timestamptz
   ORDER BY l.position LIMIT 1`;

const SAFE_SIZE = `
  SELECT coalesce(max(size), 0)::float8 AS size FROM audit_heads WHERE log = $1 AND (NOT $2::boolean OR sent <> '{}')`;

const ANNOUNCED = `
  SELECT a.metadata ->> 'origin' AS origin, (a.metadata ->> 'from')::float8 AS from, (a.metadata ->> 'to')::float8 AS to,
         a.metadata ->> 'sha256' AS sha256,
         EXISTS (SELECT FROM event_log p
                   JOIN audit_log s ON p.position >= s.first_position
                   JOIN audit_heads h ON h.log = s.log AND h.size > p.position - s.first_position
                  WHERE p.event_id = a.id) AS "isSigned"
    FROM audit_events a
   WHERE a.event_type = 'audit_archived' AND a.metadata ->> 'origin' = $1
     AND (a.metadata ->> 'from')::bigint <= $2 AND (a.metadata ->> 'to')::bigint >= $2
   ORDER BY a.timestamp DESC LIMIT 1`;

const RECORD = `
  INSERT INTO audit_events (id, event_type, role, actor, trace_id, salt, metadata)
  SELECT v.id, 'audit_archived', 'system', 'system', v.id, gen_random_uuid(),
         v.metadata || jsonb_build_object('by', current_user)
    FROM jsonb_to_record($1::jsonb) AS v(id uuid, metadata jsonb)`;

/** Of the roles that can read an event, those of the index of readers are participants of its task. */
const REMOVE = `
  WITH v AS (
    SELECT * FROM jsonb_to_record($1::jsonb) AS v(log integer, pruned bigint, "end" bigint, first bigint, last bigint)),
  removed AS (
    DELETE FROM audit_events e
     USING v JOIN event_log l ON l.position >= v.first AND l.position < v.last
     WHERE e.id = l.event_id AND NOT (${ABOUT_LOG})
    RETURNING e.id, e.event_type, e.timestamp, e.task_id),
  unlisted AS (
    DELETE FROM audit_event_readers r
     USING removed e JOIN task_participants p ON p.task_id = e.task_id
     WHERE (r.role, r.event_type, r.timestamp, r.event_id) = (p.role, e.event_type, e.timestamp, e.id))
  UPDATE audit_log g
     SET pruned = v."end", archived_until = greatest(g.archived_until, (SELECT max(timestamp) FROM removed))
    FROM v WHERE g.log = v.log AND g.pruned = v.pruned
  RETURNING g.log`;

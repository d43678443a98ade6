import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { type Deferred, sql, sqlWithCommit } from '../database/sql.js';

/** The end of the event log. */
export interface Head {
  epoch: number;
  /** The position of the latest event; 0: the log is empty. */
  position: number;
}

/** The locked head of the log, and facts that were read directly before the lock. */
export interface LockedHead {
  is_backfilled: boolean;
  /** The database cluster that numbered the latest events; null: none did yet. */
  origin: string | null;
  /** The database cluster of this connection. */
  present_origin: string;
  /** The highest `n` that an event can have received before the lock. */
  highest_n: number;
}

/** Progress of one batch. */
export interface Numbered {
  found: number;
}

/** Maximum number of events that receive their position at a time. Part of the SQL, so that every plan uses the indexes. */
export const BATCH = 2_000;

/** The event log: which committed audit event has which position. Positions never change. */
@Injectable()
export class EventLogRepository {
  /** Locks the head until the transaction ends. Returns undefined if another transaction holds it. */
  async tryLock(manager: EntityManager): Promise<LockedHead | undefined> {
    const [[facts], [locked]] = await Promise.all([
      sql<Pick<LockedHead, 'present_origin' | 'highest_n'>>(manager, FACTS),
      sql<Pick<LockedHead, 'is_backfilled' | 'origin'>>(manager, LOCK),
    ]);
    return locked && facts && { ...locked, ...facts };
  }

  /**
   * Begins an epoch: this cluster can lack the latest events of the cluster that published them. Cursors of earlier epochs
   * stay valid up to the present end of the log.
   */
  async beginEpoch(manager: EntityManager, origin: string): Promise<void> {
    await sql(manager, BEGIN_EPOCH, [origin]);
  }

  /** Assigns positions to the next committed events, at most {@link BATCH}, in the order of `n`. */
  number(manager: EntityManager, highestN: number): Deferred<Numbered> {
    return sqlWithCommit<Numbered>(manager, NUMBER, [highestN]).map(one);
  }

  /** Assigns positions to events from before the log, at most {@link BATCH}, in the order of their time. */
  backfill(manager: EntityManager): Deferred<Numbered> {
    return sqlWithCommit<Numbered>(manager, BACKFILL).map(one);
  }

  /** Returns the end of the log. */
  async getHead(manager: EntityManager): Promise<Head> {
    return one(
      await sql<Head>(
        manager,
        `SELECT epoch, last_position::float8 AS position FROM event_log_head`,
      ),
    );
  }

  /** Whether committed events can be without a position. Costs no lock. */
  async hasUnnumbered(manager: EntityManager): Promise<boolean> {
    return one(await sql<{ has: boolean }>(manager, HAS_UNNUMBERED)).has;
  }

  /** Counts events without a position, at most 10,000, and returns the age of the oldest in seconds. */
  async getLag(manager: EntityManager): Promise<{ events: number; seconds: number }> {
    return one(await sql<{ events: number; seconds: number }>(manager, LAG));
  }
}

function one<Row>([row]: readonly Row[]): Row {
  if (row === undefined) throw new Error('The event log has no head');
  return row;
}

const LOCK = `
  SELECT is_backfilled, origin FROM event_log_head FOR UPDATE SKIP LOCKED`;

/**
 * The cluster is named by its system identifier and its timeline: a restore into another cluster changes the first, a
 * restore to an earlier point and a failover change the second.
 */
const FACTS = `
  SELECT CASE WHEN s.is_called THEN s.last_value ELSE 0 END::float8 AS highest_n,
         c.system_identifier || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8) AS present_origin
    FROM audit_events_n_seq s, pg_control_system() c`;

const BEGIN_EPOCH = `
  WITH head AS (
    UPDATE event_log_head
       SET epoch = CASE WHEN origin IS NULL THEN epoch ELSE epoch + 1 END, origin = $1
    RETURNING epoch, last_position)
  INSERT INTO event_log_epochs (epoch, after_position, origin) SELECT epoch, last_position, $1 FROM head`;

const HAS_POSITION = `(SELECT l.position FROM event_log l WHERE l.event_id = e.id) IS NOT NULL`;

const OWN_TX = `pg_current_xact_id()::text::bigint`;
const OLDEST_OPEN_TX = `pg_snapshot_xmin(pg_current_snapshot())::text::bigint`;

/**
 * All events with n <= low_n have positions. How low_n advances: barrier_n was the highest n before the transaction
 * barrier_tx received its id, and an event receives n after its transaction id (see the migration). So each event with
 * n <= barrier_n belongs to a transaction before barrier_tx. As soon as all of those have ended, this statement sees their
 * events, and numbers them.
 *
 * In a restored cluster transaction ids can be lower than barrier_tx. There all events with n <= barrier_n are visible.
 */
const NUMBER = `
  WITH unnumbered AS (
    SELECT e.id, e.n FROM audit_events e
     WHERE e.n > (SELECT low_n FROM event_log_head) AND NOT (${HAS_POSITION})
     ORDER BY e.n LIMIT ${BATCH}),
  numbered AS (
    INSERT INTO event_log (position, event_id)
    SELECT h.last_position + row_number() OVER (ORDER BY u.n), u.id
      FROM unnumbered u, event_log_head h
    RETURNING position),
  progress AS (
    SELECT n.found,
           n.found < ${BATCH} AND (${OLDEST_OPEN_TX} >= h.barrier_tx
                             OR ${OWN_TX} < h.barrier_tx) AS is_past_barrier
      FROM event_log_head h, (SELECT count(*) AS found FROM numbered) AS n),
  moved AS (
    UPDATE event_log_head h
       SET last_position = h.last_position + p.found,
           low_n = CASE WHEN p.is_past_barrier THEN h.barrier_n ELSE h.low_n END,
           barrier_n = CASE WHEN p.is_past_barrier THEN $1::bigint ELSE h.barrier_n END,
           barrier_tx = CASE WHEN p.is_past_barrier THEN ${OWN_TX} ELSE h.barrier_tx END
      FROM progress p
     WHERE p.found > 0 OR (p.is_past_barrier AND (h.low_n < h.barrier_n OR h.barrier_n < $1::bigint)))
  SELECT found::int AS found FROM progress`;

const BACKFILL = `
  WITH batch AS (
    SELECT e.id, e.timestamp FROM audit_events e
     WHERE e.n IS NULL
       AND (e.timestamp, e.id) > (SELECT backfilled_at, backfilled_id FROM event_log_head)
     ORDER BY e.timestamp, e.id LIMIT ${BATCH}),
  numbered AS (
    INSERT INTO event_log (position, event_id)
    SELECT h.last_position + row_number() OVER (ORDER BY b.timestamp, b.id), b.id
      FROM batch b, event_log_head h),
  progress AS (SELECT count(*) AS found FROM batch),
  last AS (SELECT timestamp, id FROM batch ORDER BY timestamp DESC, id DESC LIMIT 1),
  moved AS (
    UPDATE event_log_head h
       SET last_position = h.last_position + p.found,
           is_backfilled = p.found < ${BATCH},
           backfilled_at = coalesce((SELECT timestamp FROM last), h.backfilled_at),
           backfilled_id = coalesce((SELECT id FROM last), h.backfilled_id)
      FROM progress p)
  SELECT found::int AS found FROM progress`;

const HAS_UNNUMBERED = `
  SELECT NOT h.is_backfilled OR (s.is_called AND s.last_value > h.low_n) AS has
    FROM event_log_head h, audit_events_n_seq s`;

const LAG = `
  SELECT count(*)::int AS events,
         coalesce(greatest(extract(epoch FROM clock_timestamp() - min(timestamp)), 0), 0)::float8 AS seconds
    FROM (SELECT e.timestamp FROM audit_events e
           WHERE e.n > (SELECT low_n FROM event_log_head) AND NOT (${HAS_POSITION})
           ORDER BY e.n LIMIT 10000) AS e`;

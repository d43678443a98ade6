import { setTimeout as sleep } from 'node:timers/promises';
import type { EntityManager } from 'typeorm';
import { sql } from '../sql.js';
import type { TransactionsService } from '../transactions.service.js';

/** State of the primary at one moment. */
export interface PrimaryPosition {
  /** The end of the flushed WAL. All commits that the primary has acknowledged are before it. */
  readonly lsn: string;
  /** The transactions that the primary shows: PostgreSQL's text of a snapshot. */
  readonly snapshot: string;
  readonly timeline: number;
  readonly system: string;
}

/** A replica cannot serve a read. */
export class ReplicaRefusalError extends Error {
  constructor(
    readonly outcome: 'lagging' | 'unavailable' | 'newer',
    message: string,
  ) {
    super(message);
  }
}

/** Returns the position of the primary: one statement, in a batch with reads of other requests. */
export async function getPosition(transactions: TransactionsService): Promise<PrimaryPosition> {
  const [position] = await transactions.readOne<PrimaryPosition>(POSITION, [true]);
  if (!position) throw new Error('the statement returns one row');
  return position;
}

/**
 * Waits until a replica has replayed the WAL up to a position. Statements that begin after that see every change that the
 * primary had acknowledged at the position.
 *
 * @param maxMs how long to wait
 * @throws ReplicaRefusalError if the replica lags, or is no replica of this primary
 */
export async function catchUp(
  manager: EntityManager,
  { lsn, system, timeline }: PrimaryPosition,
  maxMs: number,
): Promise<void> {
  const deadline = performance.now() + maxMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const [state] = await sql<ReplicaState>(manager, STATE, [lsn, system, timeline]);
    if (state?.is_standby !== true) {
      throw new ReplicaRefusalError('unavailable', 'The server is not a standby.');
    }
    if (!state.is_same_history) {
      throw new ReplicaRefusalError(
        'unavailable',
        'The server is a standby of another primary, or has no restart point since the last failover.',
      );
    }
    if (state.is_caught_up) return;
    const remaining = deadline - performance.now();
    if (remaining <= 0) {
      throw new ReplicaRefusalError(
        'lagging',
        `It is ${state.missing_bytes} bytes of WAL behind after ${maxMs} ms.`,
      );
    }
    await sleep(Math.min(pause, remaining));
  }
}

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 32;

/**
 * The snapshot is taken before the position is read, so that the position is after each commit that the snapshot shows.
 * Not the insert position: that is ahead of the WAL that a replica can receive. The parameter makes it a prepared
 * statement, which costs a third of the CPU time.
 */
const POSITION = `
  SELECT pg_current_snapshot()::text AS snapshot, p.lsn::text AS lsn,
         ('x' || left(pg_walfile_name(p.lsn), 8))::bit(32)::integer AS timeline,
         s.system_identifier::text AS system
    FROM pg_current_wal_flush_lsn() AS p(lsn), pg_control_system() AS s
   WHERE $1::boolean`;

interface ReplicaState {
  is_standby: boolean;
  /** Whether the replica has a restart point on the timeline of the primary. Positions of other timelines do not compare. */
  is_same_history: boolean;
  is_caught_up: boolean;
  missing_bytes: string;
}

const STATE = `
  SELECT pg_is_in_recovery() AS is_standby,
         s.system_identifier = $2::bigint
           AND greatest(c.timeline_id, r.min_recovery_end_timeline) = $3::integer AS is_same_history,
         coalesce(l.lsn >= $1::pg_lsn, false) AS is_caught_up,
         coalesce($1::pg_lsn - l.lsn, 0)::text AS missing_bytes
    FROM pg_last_wal_replay_lsn() AS l(lsn), pg_control_system() AS s, pg_control_checkpoint() AS c,
         pg_control_recovery() AS r`;

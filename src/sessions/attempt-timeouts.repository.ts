import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { type ClockChecks, clockChecks } from '../lifecycle/clock-checks.sql.js';
import type { Attempt } from './attempt.js';

/** An attempt with the decisions of PostgreSQL's clock at the time of the read. */
export type TimedOutAttempt = Attempt & ClockChecks;

/**
 * Locks attempts whose lease, run limit or deadline has passed, without those that another transaction has locked. The
 * statements use `now()`, because an index cannot serve a comparison with the volatile `clock_timestamp()`.
 */
@Injectable()
export class AttemptTimeoutsRepository {
  /** Returns active attempts whose lease ended, and before `judgedUntil` if that is set. */
  lockLeaseEnded(
    manager: EntityManager,
    limit: number,
    judgedUntil: Date | null,
  ): Promise<TimedOutAttempt[]> {
    return sql(manager, LEASE_ENDED, [limit, judgedUntil]);
  }

  /** Returns active attempts whose `run_until` has passed; none until `graceUntil`. */
  lockPastRunLimit(
    manager: EntityManager,
    limit: number,
    graceUntil: Date | null,
  ): Promise<TimedOutAttempt[]> {
    return sql(manager, PAST_RUN_LIMIT, [limit, graceUntil]);
  }

  /** Returns open attempts whose deadline has passed; only pending ones until `graceUntil`. */
  lockPastDeadline(
    manager: EntityManager,
    limit: number,
    graceUntil: Date | null,
  ): Promise<TimedOutAttempt[]> {
    return sql(manager, PAST_DEADLINE, [limit, graceUntil]);
  }

  /**
   * Extends leases that did not end before an outage. Skips locked rows: the transaction that has the lock extends the
   * lease or ends the attempt. Returns the number of leases.
   */
  async extendLeases(manager: EntityManager, seconds: number): Promise<number> {
    return (await sql(manager, EXTEND, [seconds])).length;
  }
}

const LEASE_ENDED = `
  SELECT s.*, ${clockChecks('s')} FROM sessions s
   WHERE attempt IS NOT NULL AND status = 'active' AND lease_expires_at <= least(now(), $2::timestamptz)
     AND (deadline_at IS NULL OR deadline_at > now())
     AND (run_until IS NULL OR run_until > now())
   ORDER BY lease_expires_at LIMIT $1 FOR UPDATE SKIP LOCKED`;

const PAST_RUN_LIMIT = `
  SELECT s.*, ${clockChecks('s')} FROM sessions s
   WHERE run_until <= now() AND status = 'active' AND (deadline_at IS NULL OR deadline_at > now())
     AND ($2::timestamptz IS NULL OR now() > $2)
   ORDER BY run_until LIMIT $1 FOR UPDATE SKIP LOCKED`;

const PAST_DEADLINE = `
  SELECT s.*, ${clockChecks('s')} FROM sessions s
   WHERE attempt IS NOT NULL AND status IN ('pending', 'active') AND deadline_at <= now()
     AND (status = 'pending' OR $2::timestamptz IS NULL OR now() > $2)
   ORDER BY deadline_at LIMIT $1 FOR UPDATE SKIP LOCKED`;

const EXTEND = `
  WITH held AS MATERIALIZED (
    SELECT id FROM sessions
     WHERE attempt IS NOT NULL AND status = 'active'
       AND lease_expires_at > (SELECT beat_at FROM service_heartbeat)
       AND lease_expires_at < now() + make_interval(secs => $1)
     FOR UPDATE SKIP LOCKED
  )
  UPDATE sessions s SET lease_expires_at = least(clock_timestamp() + make_interval(secs => $1), s.run_until)
    FROM held WHERE s.id = held.id
  RETURNING 1`;

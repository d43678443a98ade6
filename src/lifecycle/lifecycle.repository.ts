import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { withEvent } from '../audit/audit.repository.js';
import { Environment } from '../config/environment.js';
import { ConcurrentUpdateError } from '../database/postgres-errors.js';
import { type Deferred, RAISED_CONFLICT, sql, sqlWithCommit } from '../database/sql.js';
import { assignments, statement } from '../database/statement.js';
import { jsonTime } from '../database/timestamp.js';
import { TransactionsService } from '../database/transactions.service.js';
import { overdue } from './overdue.sql.js';
import type { EndedReason, SessionStatus } from './session-status.js';
import type { SessionChange } from './session-transition.js';

/** A change of the session `id` at one version and status. Members that are undefined stay. */
export interface StoredChange extends Omit<
  SessionChange,
  'status' | 'ended_reason' | 'completion'
> {
  id: string;
  version: number;
  from: SessionStatus;
  to: SessionStatus;
  /** Why the session ends; null if it does not. */
  reason: EndedReason | null;
  /** Its audit event, as `AuditService.eventPayload` returns it. */
  event: string;
}

/** A session that was expired. */
export interface ExpiredSession {
  id: string;
  task_id: string | null;
  trace_id: string;
  version: number;
  from: SessionStatus;
  /** The time of the change, as text of PostgreSQL. */
  at: string;
}

/** The columns of a session that the lifecycle changes. */
interface ChangedColumns {
  status: SessionStatus;
  metadata: unknown;
  task_id: string;
  result: unknown;
  error: string;
  claimed_by: string;
  ended_reason: EndedReason | null;
  lease_seconds: number;
  lease_expires_at: Date;
  run_until: Date;
  not_before: Date;
  retryable: boolean;
  version: number;
  updated_at: Date;
}

/** Changes the rows of the table `sessions`. Only services of the lifecycle may use it. */
@Injectable()
export class LifecycleRepository {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly environment: Environment,
  ) {}

  /** Changes a session and records its event. A conflict with another change retries the transaction. */
  async change<S>(manager: EntityManager, change: StoredChange): Promise<S> {
    return expectRow(await sql<S>(manager, ...CHANGE(change), RAISED_CONFLICT));
  }

  /** Like {@link change}, in one batch with COMMIT. */
  changeWithCommit<S>(manager: EntityManager, change: StoredChange): Deferred<S> {
    return sqlWithCommit<S>(manager, ...CHANGE(change), RAISED_CONFLICT).map(expectRow);
  }

  /**
   * Restarts the lease of an active session, at most until its `run_until`, in one batch with COMMIT.
   *
   * @param seconds the new length of the lease; null for its current length
   * @param otherwise the length if the session has no lease
   */
  restartLease<S>(
    manager: EntityManager,
    id: string,
    seconds: number | null,
    otherwise: number,
  ): Deferred<S> {
    const restart = RESTART_LEASE({ id, seconds, otherwise });
    return sqlWithCommit<S>(manager, ...restart).map(expectRow);
  }

  /**
   * Moves the due time of a pending attempt and records its event. A conflict with a claim or a cancel retries the
   * transaction.
   *
   * @param dueAt null for now
   */
  async moveDueTime(
    manager: EntityManager,
    { id, version }: Pick<StoredChange, 'id' | 'version'>,
    dueAt: Date | null,
    event: string,
  ): Promise<void> {
    await sql(manager, ...MOVE({ id, version, dueAt, event }), RAISED_CONFLICT);
  }

  /** Returns whether a session is overdue. Reads it in a batch with reads of other requests. */
  async isOverdue(id: string): Promise<boolean> {
    const days = this.environment.SESSION_RETENTION_DAYS;
    return (await this.transactions.readOne(IS_OVERDUE, [id, days])).length > 0;
  }

  /** Expires one session if it is overdue and not locked by another transaction. */
  expireOne(manager: EntityManager, id: string): Promise<ExpiredSession[]> {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    return sql(manager, ...EXPIRE_ONE({ id, days }));
  }

  /** Expires the oldest overdue sessions, at most `limit`, without those that are locked. */
  expireOldest(manager: EntityManager, limit: number): Promise<ExpiredSession[]> {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    return sql(manager, ...EXPIRE_OLDEST({ days, limit }));
  }
}

function expectRow<S>([changed]: readonly S[]): S {
  if (changed === undefined) throw new ConcurrentUpdateError();
  return changed;
}

/** Part of the UPDATE, because the deadline can pass between the read and the change of the session. */
const MAY_BEGIN = `
  ((not_before IS NULL OR not_before <= clock_timestamp())
   AND (deadline_at IS NULL OR deadline_at > clock_timestamp()))`;

const NEXT_VERSION = { version: 'version + 1', updated_at: 'event_time()' };

const CHANGE = statement<StoredChange>((value) =>
  withEvent(
    `UPDATE sessions
        SET ${assignments<ChangedColumns>({
          status: value.to,
          metadata: `coalesce(${value.metadata}, metadata)`,
          task_id: `coalesce(${value.task_id}, task_id)`,
          result: `coalesce(${value.result}, result)`,
          error: `coalesce(${value.error}, error)`,
          claimed_by: `coalesce(claimed_by, ${value.claimed_by})`,
          ended_reason: value.reason,
          lease_seconds: `coalesce(${value.lease_seconds}, lease_seconds)`,
          lease_expires_at: `CASE WHEN ${value.lease_seconds} IS NULL THEN lease_expires_at
            ELSE clock_timestamp() + make_interval(secs => least(${value.lease_seconds}, max_run_seconds)) END`,
          run_until: `CASE WHEN status = 'pending' AND ${value.to}::varchar = 'active'
            THEN clock_timestamp() + make_interval(secs => max_run_seconds)
            ELSE run_until END`,
          retryable: `coalesce(${value.retryable}, retryable)`,
          ...NEXT_VERSION,
        })}
      WHERE id = ${value.id} AND version = ${value.version} AND status = ${value.from}
        AND (${value.to} <> 'active' OR ${value.from} = 'active' OR ${MAY_BEGIN})
     RETURNING *`,
    value.event,
    `CASE WHEN ${value.lease_seconds}::integer IS NULL THEN '{}'::jsonb ELSE jsonb_build_object(
       'lease_until', ${jsonTime('c.lease_expires_at')}, 'run_until', ${jsonTime('c.run_until')}) END`,
  ),
);

const RESTART_LEASE = statement<{ id: string; seconds: number | null; otherwise: number }>(
  ({ id, seconds, otherwise }) => {
    const length = `coalesce(${seconds}, lease_seconds, ${otherwise})`;
    return `
  UPDATE sessions
     SET ${assignments<ChangedColumns>({
       lease_seconds: length,
       lease_expires_at: `least(clock_timestamp() + make_interval(secs => ${length}), run_until)`,
     })}
   WHERE id = ${id} AND status = 'active'
  RETURNING *`;
  },
);

interface DueTime {
  id: string;
  version: number;
  dueAt: Date | null;
  event: string;
}

const MOVE = statement<DueTime>(({ id, version, dueAt, event }) =>
  withEvent(
    `UPDATE sessions
        SET ${assignments<ChangedColumns>({
          not_before: `coalesce(${dueAt}, clock_timestamp())`,
          ...NEXT_VERSION,
        })}
      WHERE id = ${id} AND version = ${version} AND status = 'pending'
     RETURNING id, updated_at, not_before, queued_at`,
    event,
    `jsonb_build_object(
       'not_before', ${jsonTime('c.not_before')}, 'queued_at', ${jsonTime('c.queued_at')})`,
  ),
);

const IS_OVERDUE = `SELECT 1 FROM sessions s WHERE s.id = $1 AND ${overdue('s', '$2')}`;

const EXPIRE_ONE = statement<{ id: string; days: number }>(({ id, days }) =>
  expire(`s.id = ${id}`, days, '1'),
);

const EXPIRE_OLDEST = statement<{ days: number; limit: number }>(({ days, limit }) =>
  expire('true', days, limit),
);

function expire(which: string, days: string, limit: string): string {
  return `
  WITH due AS (
    SELECT s.id, s.status FROM sessions s
     WHERE ${which} AND ${overdue('s', days)}
       -- The line above implies this condition; an index can serve it.
       AND s.created_at < now() - make_interval(days => ${days}::integer)
     ORDER BY s.created_at
     LIMIT ${limit} FOR UPDATE SKIP LOCKED
  )
  UPDATE sessions s
     SET status = 'expired', ended_reason = 'retention', version = version + 1,
         updated_at = event_time()
    FROM due WHERE s.id = due.id
  RETURNING s.id, s.task_id, s.trace_id, s.version, due.status AS "from", s.updated_at::text AS at`;
}

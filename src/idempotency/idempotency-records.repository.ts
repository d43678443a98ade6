import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { queueSql, RAISED_CONFLICT, sql } from '../database/sql.js';
import { insertSelect, statement } from '../database/statement.js';
import type { IdempotencyRecord } from './idempotency-record.entity.js';
import type { KeyedRequest } from './keyed-request.js';
import { advisoryLockId } from './scope.js';

export type NewRecord = Omit<IdempotencyRecord, 'created_at' | 'expires_at'>;

/** A record as read for a retry. Of an expired record only the generation is used. */
export interface FoundRecord extends IdempotencyRecord {
  /** Seconds until expiry; 0 or negative after it. */
  seconds_left: number;
}

/** The request of a record, independent of the default role of its caller. */
type RequestKey = Pick<KeyedRequest, 'caller' | 'key' | 'method' | 'path'>;

/** The idempotency records in PostgreSQL. They expire by PostgreSQL's clock. */
@Injectable()
export class IdempotencyRecordsRepository {
  /**
   * Locks a request until the transaction ends. Returns false if another transaction holds the lock. Instances of the
   * previous version lock the scope only, hence the two locks.
   *
   * It is a separate statement, so that the snapshot of the next one includes the commit of the previous lock holder.
   */
  async tryLock(manager: EntityManager, request: LockScope): Promise<boolean> {
    const [row] = await sql<{ locked: boolean }>(
      manager,
      `SELECT ${TRY_LOCK} AS locked`,
      lockIdsOf(request),
    );
    return row?.locked === true;
  }

  /** Queues the lock in the batch of the next statement. If another transaction holds it, this transaction is retried. */
  queueLock(manager: EntityManager, request: LockScope): void {
    queueSql(manager, LOCK, lockIdsOf(request), RAISED_CONFLICT);
  }

  /**
   * Returns the record of a request. The previous version can have stored several under one idempotency key, for several
   * roles; a live record with the fingerprint of this request is preferred.
   */
  async find(
    manager: EntityManager,
    { caller, key, method, path, fingerprint, roles }: KeyedRequest,
  ): Promise<FoundRecord | undefined> {
    const [record] = await sql<FoundRecord>(
      manager,
      `SELECT *, extract(epoch FROM expires_at - clock_timestamp())::float8 AS seconds_left
         FROM idempotency_records WHERE ${OF_REQUEST}
        ORDER BY expires_at > clock_timestamp() DESC, fingerprint = $5 DESC,
                 (acting_role IS NULL OR acting_role = ANY($6)) DESC, created_at DESC
        LIMIT 1`,
      [caller, key, method, path, fingerprint, roles],
    );
    return record;
  }

  /** Queues the deletion of the expired records of a request in the batch of the next statement. */
  queueDeleteExpired(manager: EntityManager, { caller, key, method, path }: RequestKey): void {
    queueSql(manager, DELETE_EXPIRED_ONE, [caller, key, method, path]);
  }

  /** Inserts the record of a request in its transaction. If a record exists, the transaction is retried. */
  save(manager: EntityManager, record: NewRecord, ttlSeconds: number): void {
    queueSql(manager, ...SAVE({ ...record, ttlSeconds }), {
      constraint: 'idempotency_records_pkey',
    });
  }

  /** Returns the live records of an idempotency key of a caller, latest first. */
  async listByCaller(
    manager: EntityManager,
    caller: string,
    key: string,
  ): Promise<IdempotencyRecord[]> {
    return sql<IdempotencyRecord>(
      manager,
      `SELECT * FROM idempotency_records
        WHERE caller = $1 AND key = $2 AND expires_at > clock_timestamp()
        ORDER BY created_at DESC, scope`,
      [caller, key],
    );
  }

  /** Deletes a batch of expired records, except locked ones. Returns the number of deleted records. */
  async deleteExpired(manager: EntityManager, batch: number): Promise<number> {
    const deleted = await sql(manager, DELETE_EXPIRED, [batch]);
    return deleted.length;
  }
}

const OF_REQUEST = `caller = $1 AND key = $2 AND method = $3 AND path = $4`;

/** If the request has a record under another scope, that scope is used, so that the insert violates the primary key. */
const SAVE = statement<NewRecord & { ttlSeconds: number }>(
  (value) => `
  ${insertSelect<IdempotencyRecord>('idempotency_records', {
    scope: `coalesce((SELECT r.scope FROM idempotency_records r
                       WHERE r.caller = ${value.caller} AND r.key = ${value.key}
                         AND r.method = ${value.method} AND r.path = ${value.path} LIMIT 1), ${value.scope})`,
    fingerprint: value.fingerprint,
    caller: value.caller,
    key: value.key,
    method: value.method,
    path: value.path,
    acting_role: value.acting_role,
    response_status: value.response_status,
    response_body: value.response_body,
    resource_type: value.resource_type,
    resource_id: value.resource_id,
    generation: value.generation,
    created_at: 't.now',
    expires_at: `t.now + make_interval(secs => ${value.ttlSeconds})`,
  })}
    FROM (SELECT clock_timestamp() AS now) t`,
);

const DELETE_EXPIRED_ONE = `
  DELETE FROM idempotency_records WHERE ${OF_REQUEST} AND expires_at <= clock_timestamp()`;

const TRY_LOCK = `pg_try_advisory_xact_lock($1) AND pg_try_advisory_xact_lock($2)`;

/** Fails as a conflict if the lock is not free. */
const LOCK = `
  SELECT CASE WHEN NOT (${TRY_LOCK})
           THEN raise_conflict('Another transaction executes the same keyed request.') END`;

/**
 * The materialized CTE selects the batch once, independent of the plan. `statement_timestamp()` is stable, unlike
 * `clock_timestamp()`, so the index on `expires_at` is used and live records are not read.
 */
const DELETE_EXPIRED = `
  WITH due AS MATERIALIZED (
    SELECT scope FROM idempotency_records
     WHERE expires_at <= statement_timestamp()
     ORDER BY expires_at
     LIMIT $1 FOR UPDATE SKIP LOCKED
  )
  DELETE FROM idempotency_records r USING due WHERE r.scope = due.scope
  RETURNING 1`;

type LockScope = Pick<KeyedRequest, 'identity' | 'scope'>;

function lockIdsOf({ identity, scope }: LockScope): string[] {
  return [advisoryLockId(identity), advisoryLockId(scope)];
}

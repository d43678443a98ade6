import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql, queueSql } from '../database/sql.js';
import type { IdempotencyRecord } from './idempotency-record.entity.js';
import type { KeyedRequest } from './keyed-request.js';
import { advisoryLockId } from './scope.js';

export type NewRecord = Omit<IdempotencyRecord, 'created_at' | 'expires_at'>;

/** A record as a retry finds it; one that has expired only tells its generation. */
export interface FoundRecord extends IdempotencyRecord {
  /** Until it expires; not positive once it has. */
  seconds_left: number;
}

/** Which request a record is of: the same whatever role its caller acts for by default. */
type RequestKey = Pick<KeyedRequest, 'caller' | 'key' | 'method' | 'path'>;

/** The records of keyed requests in Postgres, by whose clock they expire. */
@Injectable()
export class IdempotencyRecordsRepository {
  /**
   * Takes the right to carry out a request until the transaction ends; false while another has it. Processes of the
   * previous version lock the scope alone.
   * A statement of its own: the next one's snapshot is then younger than the commit of whoever had it before.
   */
  async tryLock(manager: EntityManager, request: LockScope): Promise<boolean> {
    const [row] = await sql<{ locked: boolean }>(
      manager,
      `SELECT ${TRY_LOCK} AS locked`,
      lockIdsOf(request),
    );
    return row?.locked === true;
  }

  /** The same along with the next statement; while another has it, the transaction runs again. */
  queueLock(manager: EntityManager, request: LockScope): void {
    queueSql(manager, LOCK, lockIdsOf(request), DIVISION_BY_ZERO);
  }

  /**
   * The record of a request. The previous version may have made several under one key, for several roles: of the live
   * ones that of this very request comes first.
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

  /** Deletes the records of a request along with the next statement, if they have expired. */
  queueDeleteExpired(manager: EntityManager, { caller, key, method, path }: RequestKey): void {
    queueSql(manager, DELETE_EXPIRED_ONE, [caller, key, method, path]);
  }

  /** Saves what became of a request, in its transaction; where there is a record already, the transaction runs again. */
  save(manager: EntityManager, record: NewRecord, ttlSeconds: number): void {
    const values = [
      record.scope,
      record.fingerprint,
      record.caller,
      record.key,
      record.method,
      record.path,
      record.acting_role,
      record.response_status,
      record.response_body,
      record.resource_type,
      record.resource_id,
      record.generation,
      ttlSeconds,
    ];
    queueSql(manager, SAVE, values, 'idempotency_records_pkey');
  }

  /** The live records of a caller's key, the latest first. */
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

  /** Deletes a batch of expired records that nobody is using; gives how many it deleted. */
  async deleteExpired(manager: EntityManager, batch: number): Promise<number> {
    const deleted = await sql(manager, DELETE_EXPIRED, [batch]);
    return deleted.length;
  }
}

const OF_REQUEST = `caller = $1 AND key = $2 AND method = $3 AND path = $4`;

/** A record of the request under another scope is as much of a conflict as one under this. */
const SAVE = `
  INSERT INTO idempotency_records
    (scope, fingerprint, caller, key, method, path, acting_role, response_status, response_body,
     resource_type, resource_id, generation, created_at, expires_at)
  SELECT coalesce((SELECT r.scope FROM idempotency_records r
                    WHERE r.caller = $3 AND r.key = $4 AND r.method = $5 AND r.path = $6 LIMIT 1), $1),
         $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, t.now, t.now + make_interval(secs => $13)
    FROM (SELECT clock_timestamp() AS now) t`;

const DELETE_EXPIRED_ONE = `
  DELETE FROM idempotency_records WHERE ${OF_REQUEST} AND expires_at <= clock_timestamp()`;

const TRY_LOCK = `pg_try_advisory_xact_lock($1) AND pg_try_advisory_xact_lock($2)`;

/** Nothing else makes a statement fail for what a function answers. */
const LOCK = `SELECT 1 / (${TRY_LOCK})::integer`;
const DIVISION_BY_ZERO = '22012';

/**
 * As a CTE the batch is chosen once, whatever the plan. Unlike the clock itself, the statement's time can be looked up
 * in the index on `expires_at`, so that the live records, by far the most, are never read.
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

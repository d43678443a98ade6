import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql, sqlAlong } from '../database/sql.js';
import type { IdempotencyRecord } from './idempotency-record.entity.js';
import { advisoryLockId } from './scope.js';

export type NewRecord = Omit<IdempotencyRecord, 'created_at' | 'expires_at'>;

/** A record as a retry finds it; one that has expired only tells its generation. */
export interface FoundRecord extends IdempotencyRecord {
  expired: boolean;
}

/** The records of keyed requests in Postgres, by whose clock they expire. */
@Injectable()
export class IdempotencyRecords {
  /**
   * Takes the right to carry out the request of a scope until the transaction ends; false while another has it.
   * A statement of its own: the next one's snapshot is then younger than the commit of whoever had it before.
   */
  async tryLock(manager: EntityManager, scope: Buffer): Promise<boolean> {
    const [row] = await sql<{ locked: boolean }>(
      manager,
      `SELECT pg_try_advisory_xact_lock($1) AS locked`,
      [advisoryLockId(scope)],
    );
    return row?.locked === true;
  }

  async find(manager: EntityManager, scope: Buffer): Promise<FoundRecord | undefined> {
    const [record] = await sql<FoundRecord>(
      manager,
      `SELECT *, expires_at <= clock_timestamp() AS expired FROM idempotency_records WHERE scope = $1`,
      [scope],
    );
    return record;
  }

  /** Saves what became of a request, in its transaction, in place of a record that has expired. */
  save(manager: EntityManager, record: NewRecord, ttlSeconds: number): Promise<void> {
    sqlAlong(manager, SAVE, [
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
    ]);
    return Promise.resolve();
  }

  /** The live records of a caller's key, the latest first. */
  async ofCaller(
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

const SAVE = `
  INSERT INTO idempotency_records
    (scope, fingerprint, caller, key, method, path, acting_role, response_status, response_body,
     resource_type, resource_id, generation, created_at, expires_at)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, t.now, t.now + make_interval(secs => $13)
    FROM (SELECT clock_timestamp() AS now) t
  ON CONFLICT (scope) DO UPDATE SET
    fingerprint = excluded.fingerprint, acting_role = excluded.acting_role,
    response_status = excluded.response_status, response_body = excluded.response_body,
    resource_type = excluded.resource_type, resource_id = excluded.resource_id,
    generation = excluded.generation, created_at = excluded.created_at, expires_at = excluded.expires_at`;

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

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { assignments, statement } from '../database/statement.js';
import type { Approval } from './approval.entity.js';
import { APPROVAL_ROW, type ApprovalRow } from './approval-rows.sql.js';

/** A consumption in an attempt of the task. */
export interface Consumption {
  id: string;
  digest: string;
  consumed_by: string;
  session_id: string;
  /** Whether an agent holds the attempt. */
  is_held: boolean;
}

/** Consumes approvals. */
@Injectable()
export class ApprovalConsumptionsRepository {
  /** Consumes an approval. Returns undefined if it cannot be consumed. */
  async consume(
    manager: EntityManager,
    consumption: Consumption,
  ): Promise<ApprovalRow | undefined> {
    const [consumed] = await sql<ApprovalRow>(manager, ...CONSUME(consumption));
    return consumed;
  }

  /** Returns whether the time to consume an approval has passed, by the clock of the database. */
  async isPastConsumeUntil(manager: EntityManager, id: string): Promise<boolean> {
    const text = `SELECT 1 FROM approvals WHERE id = $1 AND consume_until <= clock_timestamp()`;
    return (await sql(manager, text, [id])).length > 0;
  }
}

/**
 * A payload is consumed once, unless a repetition was requested. Within one attempt, the same agent may also consume
 * approvals of other roles for the payload: each role approved the same action. The session is stored only if the
 * attempt is held.
 */
const CONSUME = statement<Consumption>(
  ({ id, digest, consumed_by, session_id, is_held }) => `
  UPDATE approvals a SET ${assignments<Approval>({
    consumed_at: 'clock_timestamp()',
    consumed_by,
    consumed_session_id: `CASE WHEN ${is_held}::boolean THEN s.id END`,
    consumed_attempt: 's.attempt',
  })}
    FROM sessions s
   WHERE s.id = ${session_id} AND a.id = ${id} AND a.status = 'approved' AND a.digest = ${digest}
     AND a.consumed_at IS NULL AND a.consume_until > clock_timestamp()
     AND (a.repeat OR NOT EXISTS (
       SELECT 1 FROM approvals o
        WHERE o.task_id = a.task_id AND o.digest = a.digest AND o.id <> a.id AND o.consumed_at IS NOT NULL
          AND (o.consumed_attempt IS DISTINCT FROM s.attempt OR o.consumed_by <> ${consumed_by}
               OR (o.stages @> a.stages AND o.stages <@ a.stages))))
  RETURNING ${APPROVAL_ROW}`,
);

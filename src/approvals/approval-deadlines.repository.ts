import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Outage } from '../database/outage-recovery.service.js';
import { sql } from '../database/sql.js';
import type { Approval } from './approval.entity.js';

/** An approval and the trace of its task. */
export type TracedApproval = Pick<Approval, 'id' | 'task_id' | 'approver_role'> & {
  trace_id: string;
};

/** An approval with its new `expires_at` or `consume_until`. */
export type ExtendedApproval = TracedApproval & { until: Date };

/** Expires and extends approvals. */
@Injectable()
export class ApprovalDeadlinesRepository {
  /**
   * Expires at most `limit` overdue approvals, without those that are locked.
   *
   * @param until expires only approvals that were overdue at this time; null if it does not matter
   */
  expire(manager: EntityManager, until: Date | null, limit: number): Promise<TracedApproval[]> {
    return sql(manager, EXPIRE, [limit, until]);
  }

  /** Like {@link expire}, for the approvals of one task. */
  expireOfTask(
    manager: EntityManager,
    taskId: string,
    until: Date | null,
    limit: number,
  ): Promise<TracedApproval[]> {
    return sql(manager, EXPIRE_OF_TASK, [limit, until, taskId]);
  }

  /** Extends the approvals that can be decided or consumed and whose time ran during the outage. */
  async extend(
    manager: EntityManager,
    { graceSeconds, seconds }: Outage,
  ): Promise<ExtendedApproval[]> {
    const parameters = [graceSeconds, seconds];
    return [
      ...(await sql<ExtendedApproval>(manager, EXTEND_PENDING, parameters)),
      ...(await sql<ExtendedApproval>(manager, EXTEND_APPROVED, parameters)),
    ];
  }
}

/** Compares with `now()`, because an index cannot serve a comparison with the volatile `clock_timestamp()`. */
const expiring = (which: string): string => `
  WITH due AS MATERIALIZED (
    SELECT a.id FROM approvals a
     WHERE ${which} AND a.status = 'pending' AND a.expires_at <= least(now(), $2::timestamptz)
     ORDER BY a.expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
  )
  UPDATE approvals a SET status = 'expired'
    FROM due, tasks t WHERE a.id = due.id AND t.id = a.task_id
  RETURNING a.id, a.task_id, a.approver_role, t.trace_id`;

const EXPIRE = expiring('true');
const EXPIRE_OF_TASK = expiring('a.task_id = $3');

/**
 * Adds the length of the outage to the remaining time, which is then at least the grace period. The deadline of the
 * task limits the result.
 */
const extending = (column: string, status: string): string => `
  WITH due AS MATERIALIZED (
    SELECT id FROM approvals
     WHERE ${status} AND ${column} > (SELECT beat_at FROM service_heartbeat)
       AND ${column} < now() + make_interval(secs => $1)
     FOR UPDATE SKIP LOCKED
  )
  UPDATE approvals a
     SET ${column} = least(
           greatest(a.${column} + make_interval(secs => $2), now() + make_interval(secs => $1)), t.deadline_at)
    FROM due, tasks t
   WHERE a.id = due.id AND t.id = a.task_id AND (t.deadline_at IS NULL OR t.deadline_at > a.${column})
  RETURNING a.id, a.task_id, a.approver_role, t.trace_id, a.${column} AS until`;

const EXTEND_PENDING = extending('expires_at', `status = 'pending'`);
const EXTEND_APPROVED = extending('consume_until', `status = 'approved' AND consumed_at IS NULL`);

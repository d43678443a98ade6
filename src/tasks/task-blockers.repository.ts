import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { expiredCondition } from '../approvals/approval-status.sql.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { statement } from '../database/statement.js';
import { clockChecks } from '../lifecycle/clock-checks.sql.js';
import { overdue } from '../lifecycle/overdue.sql.js';
import type { RequiredApproval, TaskSubject } from '../lifecycle/locked-task.js';
import type { ReadSession } from '../sessions/sessions.repository.js';

/** The open attempt of a task, with the facts that decide what blocks the task. */
export type BlockedAttempt = ReadSession & {
  attempts_left: number;
  /** Whether the lease ended, as the sweep judges it: not while an outage is being noticed. */
  is_lease_past: boolean;
  /** Whether it is the grace period after an outage, in which deadlines and run limits end no worker's attempt. */
  is_in_grace: boolean;
  /** When the approval that a parked attempt waited for ended; null while that is pending. */
  parking_ended_at: Date | null;
  requires_approval: RequiredApproval | null;
  /** Null if the task requires no approval. The subject can be large, so it is read only if it is needed. */
  subject: TaskSubject | null;
};

export interface PendingApproval {
  who: string;
  since: Date;
  approval_id: string;
  /** Whether the attempt is parked for it, or for an earlier stage of its chain. */
  is_parking: boolean;
}

/** Until when leases have ended, and until when a grace period lasts, after an outage. */
interface OutageTimes {
  judgedUntil: Date | null;
  graceUntil: Date | null;
}

/** Reads what can block a task. */
@Injectable()
export class TaskBlockersRepository {
  constructor(private readonly environment: Environment) {}

  /** Returns the open attempt of a task. Undefined if there is none. */
  async findOpenAttempt(
    manager: EntityManager,
    taskId: string,
    { judgedUntil, graceUntil }: OutageTimes,
  ): Promise<BlockedAttempt | undefined> {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    const open = OPEN_ATTEMPT({ taskId, days, judgedUntil, graceUntil });
    const [attempt] = await sql<BlockedAttempt>(manager, ...open);
    return attempt;
  }

  /**
   * Returns the pending approvals of a task, oldest first.
   *
   * @param parkedFor the approval for which the attempt is parked
   */
  listPending(
    manager: EntityManager,
    taskId: string,
    parkedFor: string | null,
  ): Promise<PendingApproval[]> {
    return sql(manager, PENDING, [taskId, parkedFor]);
  }
}

const OPEN_ATTEMPT = statement<OutageTimes & { taskId: string; days: number }>(
  ({ taskId, days, judgedUntil, graceUntil }) => `
  SELECT s.*, ${clockChecks('s')},
         coalesce(s.lease_expires_at <= least(clock_timestamp(), ${judgedUntil}::timestamptz), false) AS is_lease_past,
         coalesce(clock_timestamp() <= ${graceUntil}::timestamptz, false) AS is_in_grace,
         (SELECT CASE WHEN NOT bool_or(a.status = 'pending' AND NOT ${expiredCondition('a')})
                   THEN max(coalesce(a.decision_at, a.expires_at)) END
            FROM approvals a
           WHERE a.task_id = s.task_id
             AND a.chain_id = (SELECT p.chain_id FROM approvals p WHERE p.id = s.parked_for)) AS parking_ended_at,
         t.requires_approval,
         CASE WHEN t.requires_approval IS NOT NULL THEN jsonb_build_object(
           'task_type', t.task_type, 'description', t.description, 'data', t.data, 'context', t.context) END AS subject
    FROM sessions s JOIN tasks t ON t.id = s.task_id
   WHERE s.task_id = ${taskId} AND s.attempt IS NOT NULL AND s.status IN ('pending', 'active')
     AND NOT ${overdue('s', days)}`,
);

const PENDING = `
  SELECT a.approver_role AS who, a.created_at AS since, a.id AS approval_id,
         coalesce(a.chain_id = (SELECT p.chain_id FROM approvals p WHERE p.id = $2), false) AS is_parking
    FROM approvals a
   WHERE a.task_id = $1 AND a.status = 'pending' AND NOT ${expiredCondition('a')} ORDER BY a.created_at, a.id`;

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import {
  ApprovalRequirementsService,
  type RequirementBlock,
} from '../approvals/approval-requirements.service.js';
import { expiredCondition } from '../approvals/approval-status.js';
import { Environment } from '../config/environment.js';
import { ServiceHeartbeatService } from '../database/service-heartbeat.service.js';
import { sql } from '../database/sql.js';
import { clockChecks } from '../lifecycle/clock-checks.js';
import { overdue } from '../lifecycle/overdue.js';
import type { RequiredApproval, TaskSubject } from '../lifecycle/task-lock.js';
import type { ReadSession } from '../sessions/sessions.repository.js';
import type { TimelineEntryDto, WaitsForDto } from './dto/task-history.dto.js';

/** Finds what blocks a task now. Times are compared with PostgreSQL's clock, so the result does not depend on a sweep. */
@Injectable()
export class TaskBlockersService {
  constructor(
    private readonly requirements: ApprovalRequirementsService,
    private readonly environment: Environment,
    private readonly heartbeat: ServiceHeartbeatService,
  ) {}

  /**
   * Returns what blocks a task; empty if the task has ended or a sweep will end it.
   *
   * @param entries the events of the task, oldest first
   */
  async of(
    manager: EntityManager,
    taskId: string,
    entries: readonly TimelineEntryDto[],
  ): Promise<WaitsForDto[]> {
    const [open] = await sql<OpenAttempt>(manager, OPEN_ATTEMPT, [
      taskId,
      this.environment.SESSION_RETENTION_DAYS,
      this.heartbeat.judgedUntil,
      this.heartbeat.graceUntil,
    ]);
    if (!open || hasEnded(open)) return [];
    const pending = await sql<PendingApproval>(manager, PENDING, [taskId, open.parked_for]);
    const block = await this.findBlock(manager, taskId, open);
    const own = exceptVoter(attemptWaitsFor(open, entries), open, block);
    // A parked attempt waits for the approval, not for the time at which that expires.
    const isParked = own.what === 'due_time' && pending.some(({ is_parking }) => is_parking);
    return [
      ...(isParked ? [] : [own]),
      ...pending.map(({ who, since, approval_id }) => ({
        what: 'approval' as const,
        who,
        since,
        approval_id,
      })),
      ...(block?.why === 'unasked'
        ? [{ what: 'approval' as const, who: block.role, since: block.since }]
        : []),
    ];
  }

  private async findBlock(
    manager: EntityManager,
    task_id: string,
    { requires_approval, subject, claimed_by }: OpenAttempt,
  ): Promise<RequirementBlock | undefined> {
    if (!requires_approval || !subject) return undefined;
    return this.requirements.findBlock(
      manager,
      { task_id, requires_approval, subject },
      claimed_by,
    );
  }
}

type OpenAttempt = ReadSession & {
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

interface PendingApproval {
  who: string;
  since: Date;
  approval_id: string;
  /** Whether the attempt is parked for it, or for an earlier stage of its chain. */
  is_parking: boolean;
}

const OPEN_ATTEMPT = `
  SELECT s.*, ${clockChecks('s')},
         coalesce(s.lease_expires_at <= least(clock_timestamp(), $3::timestamptz), false) AS is_lease_past,
         coalesce(clock_timestamp() <= $4::timestamptz, false) AS is_in_grace,
         (SELECT CASE WHEN NOT bool_or(a.status = 'pending' AND NOT ${expiredCondition('a')})
                   THEN max(coalesce(a.decision_at, a.expires_at)) END
            FROM approvals a
           WHERE a.task_id = s.task_id
             AND a.chain_id = (SELECT p.chain_id FROM approvals p WHERE p.id = s.parked_for)) AS parking_ended_at,
         t.requires_approval,
         CASE WHEN t.requires_approval IS NOT NULL THEN jsonb_build_object(
           'task_type', t.task_type, 'description', t.description, 'data', t.data, 'context', t.context) END AS subject
    FROM sessions s JOIN tasks t ON t.id = s.task_id
   WHERE s.task_id = $1 AND s.attempt IS NOT NULL AND s.status IN ('pending', 'active') AND NOT ${overdue('s', '$2')}`;

const PENDING = `
  SELECT a.approver_role AS who, a.created_at AS since, a.id AS approval_id,
         coalesce(a.chain_id = (SELECT p.chain_id FROM approvals p WHERE p.id = $2), false) AS is_parking
    FROM approvals a
   WHERE a.task_id = $1 AND a.status = 'pending' AND NOT ${expiredCondition('a')} ORDER BY a.created_at, a.id`;

/** Whether the next sweep ends the task: its deadline has passed, or its last attempt is lost. */
function hasEnded(attempt: OpenAttempt): boolean {
  if (isReportable(attempt)) return false;
  return attempt.is_past_deadline || (isLost(attempt) && attempt.attempts_left === 0);
}

/** Whether the next sweep ends an active attempt as lost. */
function isLost(attempt: OpenAttempt): boolean {
  const { status, is_lease_past, is_past_run_limit } = attempt;
  return status === 'active' && !isReportable(attempt) && (is_lease_past || is_past_run_limit);
}

/** Whether an outage keeps an active attempt open past its deadline or run limit, so that its worker can report. */
function isReportable({
  status,
  is_in_grace,
  is_past_deadline,
  is_past_run_limit,
}: OpenAttempt): boolean {
  return status === 'active' && is_in_grace && (is_past_deadline || is_past_run_limit);
}

/** A worker that voted on the required approval does not complete the task: another agent has to claim it. */
function exceptVoter(
  own: WaitsForDto,
  { role }: OpenAttempt,
  block: RequirementBlock | undefined,
): WaitsForDto {
  if (own.what !== 'worker' || block?.why !== 'worker_voted') return own;
  const since = block.since > own.since ? block.since : own.since;
  return { what: 'claim', who: role, since, approval_id: block.approval_id };
}

function attemptWaitsFor(attempt: OpenAttempt, entries: readonly TimelineEntryDto[]): WaitsForDto {
  const { id, status, role, claimed_by, created_at, updated_at, not_before } = attempt;
  if (status === 'active') {
    if (isLost(attempt)) {
      const { is_past_run_limit, run_until, lease_expires_at } = attempt;
      const since = is_past_run_limit ? run_until : lease_expires_at;
      return { what: 'claim', who: role, since: since ?? updated_at };
    }
    const started = entries.find(({ session_id, to }) => session_id === id && to === 'active');
    return { what: 'worker', who: claimed_by ?? role, since: started?.at ?? updated_at };
  }
  if (not_before === null || not_before <= created_at) {
    return { what: 'claim', who: role, since: created_at };
  }
  if (!attempt.is_early) return { what: 'claim', who: role, since: not_before };
  const { parking_ended_at } = attempt;
  return parking_ended_at === null
    ? { what: 'due_time', who: role, since: created_at }
    : { what: 'claim', who: role, since: parking_ended_at };
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import {
  ApprovalRequirementsService,
  type RequirementBlock,
} from '../approvals/approval-requirements.service.js';
import { ServiceHeartbeatService } from '../database/service-heartbeat.service.js';
import type { TimelineEntryDto, WaitsForDto } from './dto/task-history.dto.js';
import { type BlockedAttempt, TaskBlockersRepository } from './task-blockers.repository.js';

/** Finds what blocks a task now. Times are compared with PostgreSQL's clock, so the result does not depend on a sweep. */
@Injectable()
export class TaskBlockersService {
  constructor(
    private readonly requirements: ApprovalRequirementsService,
    private readonly blockers: TaskBlockersRepository,
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
    const open = await this.blockers.findOpenAttempt(manager, taskId, this.heartbeat);
    if (!open || hasEnded(open)) return [];
    const pending = await this.blockers.listPending(manager, taskId, open.parked_for);
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
    { requires_approval, subject, claimed_by }: BlockedAttempt,
  ): Promise<RequirementBlock | undefined> {
    if (!requires_approval || !subject) return undefined;
    return this.requirements.findBlock(
      manager,
      { task_id, requires_approval, subject },
      claimed_by,
    );
  }
}

/** Whether the next sweep ends the task: its deadline has passed, or its last attempt is lost. */
function hasEnded(attempt: BlockedAttempt): boolean {
  if (isReportable(attempt)) return false;
  return attempt.is_past_deadline || (isLost(attempt) && attempt.attempts_left === 0);
}

/** Whether the next sweep ends an active attempt as lost. */
function isLost(attempt: BlockedAttempt): boolean {
  const { status, is_lease_past, is_past_run_limit } = attempt;
  return status === 'active' && !isReportable(attempt) && (is_lease_past || is_past_run_limit);
}

/** Whether an outage keeps an active attempt open past its deadline or run limit, so that its worker can report. */
function isReportable({
  status,
  is_in_grace,
  is_past_deadline,
  is_past_run_limit,
}: BlockedAttempt): boolean {
  return status === 'active' && is_in_grace && (is_past_deadline || is_past_run_limit);
}

/** A worker that voted on the required approval does not complete the task: another agent has to claim it. */
function exceptVoter(
  own: WaitsForDto,
  { role }: BlockedAttempt,
  block: RequirementBlock | undefined,
): WaitsForDto {
  if (own.what !== 'worker' || block?.why !== 'worker_voted') return own;
  const since = block.since > own.since ? block.since : own.since;
  return { what: 'claim', who: role, since, approval_id: block.approval_id };
}

function attemptWaitsFor(
  attempt: BlockedAttempt,
  entries: readonly TimelineEntryDto[],
): WaitsForDto {
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

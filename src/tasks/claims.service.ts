import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { toClaimApprovalDto } from '../approvals/dto/approval-context.dto.js';
import { actingRole } from '../auth/roles.js';
import { Deferred } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { taskFinished, taskNotFound, taskRelations } from '../lifecycle/task-summary.js';
import { taskStatus } from '../lifecycle/task-status.js';
import { AttemptsRepository } from '../sessions/attempts.repository.js';
import { assertClaimable } from '../sessions/attempt.js';
import { toSessionDto } from '../sessions/dto/session.dto.js';
import { LeasesService } from '../sessions/leases.service.js';
import type { Session } from '../sessions/session.entity.js';
import type { LoadedSession, ReadSession } from '../sessions/sessions.repository.js';
import { CLAIM_LIMITS } from './dto/claim-limits.dto.js';
import type { PauseNotice } from '../roles/pause-notice.js';
import { toTaskDto } from './dto/task.dto.js';
import type { ClaimDto, ClaimedTaskDto } from './dto/claim.dto.js';
import { taskClaimed } from './task-errors.js';
import { InboxRepository } from './inbox.repository.js';
import { inProcessSpan } from './task-spans.js';
import { withAttempt } from './task-view.js';
import { type ClaimedTask, TasksRepository } from './tasks.repository.js';

/** The result of a claim of the next task. */
export interface NextClaim {
  /** Null if no task is due, or the role is paused. */
  claimed: ClaimedTaskDto | null;
  /** The pause of the role; null if it is not paused. */
  pause: PauseNotice | null;
}

/** Claims tasks for agents. A claim never waits for another claim, and each attempt is claimed by one agent. */
@Injectable()
export class ClaimsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly lifecycle: LifecycleService,
    private readonly leases: LeasesService,
    private readonly tasks: TasksRepository,
    private readonly inbox: InboxRepository,
    private readonly taskAttempts: AttemptsRepository,
  ) {}

  /**
   * Claims the first due attempt of a role, unless the role is paused.
   *
   * @throws InvalidInputError if `lease_seconds` is out of range
   * @throws DomainError `auth.role_ambiguous` or `auth.role_not_held`
   */
  async claimNext(agent: Agent, { role, task_types, lease_seconds }: ClaimDto): Promise<NextClaim> {
    const seconds = this.leases.lengthOf(lease_seconds);
    const acting = actingRole(agent, role);
    const claim = async (manager: EntityManager): Promise<NextClaim | Deferred<NextClaim>> => {
      const { next, pause } = await this.inbox.lockNext(manager, acting, task_types);
      if (!next) return { claimed: null, pause };
      const claimed = await this.assign(manager, agent, next, seconds);
      return claimed.map((task) => ({ claimed: task, pause }));
    };
    return inProcessSpan(
      () => this.transactions.run<NextClaim>(claim),
      ({ claimed }) => claimed,
    );
  }

  /**
   * Claims one task.
   *
   * @throws InvalidInputError if `lease_seconds` is out of range
   * @throws DomainError `task.not_found`, `auth.forbidden`, `task.claimed`, `task.not_due`,
   *   `task.finished` or `role.paused`
   */
  async claim(
    agent: Agent,
    taskId: string,
    lease_seconds: number | undefined,
  ): Promise<ClaimedTaskDto> {
    const seconds = this.leases.lengthOf(lease_seconds);
    const claim = async (manager: EntityManager): Promise<Deferred<ClaimedTaskDto>> => {
      const facts = await this.taskStates.getReadable(manager, agent, taskId);
      const isOwner = agent.roles.includes(facts.to_role);
      const relations = [
        ...taskRelations(agent, facts),
        ...(isOwner ? (['assignee'] as const) : []),
      ];
      authorize('tasks.claim', relations, taskNotFound);
      const attempt = await this.taskAttempts.lockLatest(manager, taskId);
      assertFree(attempt);
      return this.assign(manager, agent, attempt, seconds);
    };
    return inProcessSpan(
      () => this.transactions.run<ClaimedTaskDto>(claim),
      (claimed) => claimed,
    );
  }

  private async assign(
    manager: EntityManager,
    agent: Agent,
    attempt: ReadSession,
    lease_seconds: number,
  ): Promise<Deferred<ClaimedTaskDto>> {
    const by = { role: attempt.role, subject: agent.subject };
    const claiming = [
      { status: 'active', claimed_by: agent.subject, lease_seconds },
      by,
      { event_type: 'task_claimed', metadata: { waited_seconds: attempt.waited_seconds } },
    ] as const;
    const task = this.tasks.getClaimedWithCommit(manager, attempt.task_id ?? '');
    if (attempt.task_type !== 'notification') {
      const session = await this.lifecycle.changeWithCommit(manager, attempt, ...claiming);
      return Deferred.all(task, session).map(toClaimedTask);
    }
    // Claiming a notification completes it.
    const claimed = await this.lifecycle.change(manager, attempt, ...claiming);
    const session = await this.lifecycle.changeWithCommit(
      manager,
      claimed,
      { status: 'completed' },
      by,
    );
    return Deferred.all(task, session).map(toClaimedTask);
  }
}

function toClaimedTask([task, session]: [ClaimedTask, Session]): ClaimedTaskDto {
  return {
    task: toTaskDto(withAttempt(task, session)),
    session: toSessionDto(session),
    limits: CLAIM_LIMITS,
    approvals: task.approvals.map(toClaimApprovalDto),
  };
}

function assertFree(attempt: LoadedSession): void {
  if (attempt.status === 'active') throw taskClaimed(attempt);
  if (attempt.status !== 'pending') throw taskFinished(taskStatus(attempt));
  assertClaimable(attempt);
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ApprovalRequirementsService } from '../approvals/approval-requirements.service.js';
import type { Actor } from '../auth/actor.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { ConcurrentUpdateError } from '../database/postgres-errors.js';
import { TransactionsService } from '../database/transactions.service.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { isTerminal } from '../lifecycle/session-status.js';
import {
  deadlinePast,
  getReadableTask,
  taskFinished,
  taskNotFound,
  taskRelations,
} from '../lifecycle/task-summary.js';
import { taskStatus } from '../lifecycle/task-status.js';
import { AttemptsRepository } from '../sessions/attempts.repository.js';
import { AttemptsService, isAttempt } from '../sessions/attempts.service.js';
import type { Session } from '../sessions/session.entity.js';
import type { ReadSession } from '../sessions/sessions.repository.js';
import { cancelAttempt } from './cancel-attempt.js';
import { CascadesService } from './cascades.service.js';
import { type CancelledTaskDto, type TaskDto, toTaskDto } from './dto/task.dto.js';
import type { CancelDto } from './dto/task-control.dto.js';
import { taskOpen } from './task-errors.js';
import { withAttempt } from './task-view.js';
import { TasksRepository } from './tasks.repository.js';

/** Cancels and retries tasks, for the requester role and for admins. */
@Injectable()
export class TaskControlService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly tasks: TasksRepository,
    private readonly lifecycle: LifecycleService,
    private readonly attempts: AttemptsService,
    private readonly expiry: ExpiryService,
    private readonly cascades: CascadesService,
    private readonly requirements: ApprovalRequirementsService,
    private readonly taskAttempts: AttemptsRepository,
  ) {}

  /**
   * Cancels a task, with `cascade` also its open subtasks. A pending attempt expires, an active one fails. The next
   * heartbeat of the worker is refused with `task.cancelled`.
   *
   * @throws DomainError `task.not_found`, `auth.forbidden`, `task.finished` or `task.cascade_limit`
   */
  async cancel(
    agent: Agent,
    taskId: string,
    { reason, cascade = false }: CancelDto,
  ): Promise<CancelledTaskDto> {
    if (cascade) return this.cancelTree(agent, taskId, reason);
    return this.change(agent, taskId, async (manager, attempt, by) => {
      if (isTerminal(attempt.status)) throw taskFinished(taskStatus(attempt));
      return cancelAttempt(this.lifecycle, manager, attempt, by, { told: reason });
    });
  }

  private async cancelTree(
    agent: Agent,
    taskId: string,
    reason: string | undefined,
  ): Promise<CancelledTaskDto> {
    return this.transactions.run(async (manager) => {
      const by = await controllingActor(manager, agent, taskId);
      const cancelled_tasks = await this.cascades.cancel(manager, { agent, taskId, by, reason });
      const latest = await this.taskAttempts.lockLatest(manager, taskId);
      if (cancelled_tasks.length === 0) {
        // The task was retried after the cascade found it ended.
        if (!isTerminal(latest.status)) throw new ConcurrentUpdateError();
        throw taskFinished(taskStatus(latest));
      }
      return {
        ...toTaskDto(withAttempt(await this.tasks.get(manager, taskId), latest)),
        cancelled_tasks,
      };
    });
  }

  /**
   * Opens a new attempt of a task that failed, expired, became dead or was cancelled. All attempts are granted again.
   *
   * @throws DomainError `task.not_found`, `auth.forbidden`, `task.open`, `task.finished` or `approval.limit_reached`
   */
  async retry(agent: Agent, taskId: string, reason: string | undefined): Promise<TaskDto> {
    return this.change(agent, taskId, async (manager, attempt, by) => {
      if (!isTerminal(attempt.status)) throw taskOpen(taskStatus(attempt));
      if (attempt.status === 'completed' || !isAttempt(attempt))
        throw taskFinished(taskStatus(attempt));
      if (attempt.is_past_deadline) throw deadlinePast();
      // An overdue session is expired for readers, but can still be open in its row.
      await this.expiry.expireWithin(manager, attempt.id);
      const { max_attempts } = await this.tasks.get(manager, taskId);
      const following = {
        attempts_left: max_attempts - 1,
        due: null,
        event_type: 'task_retried' as const,
      };
      const next = await this.attempts.openNext(manager, attempt, following, by, { told: reason });
      await this.requirements.reopen(manager, taskId, by, reason);
      return next;
    });
  }

  private async change(
    agent: Agent,
    taskId: string,
    act: (manager: EntityManager, attempt: ReadSession, by: Actor) => Promise<Session>,
  ): Promise<TaskDto> {
    return this.transactions.run(async (manager) => {
      const by = await controllingActor(manager, agent, taskId);
      const latest = await this.taskAttempts.lockLatest(manager, taskId);
      const session = await act(manager, latest, by);
      return toTaskDto(withAttempt(await this.tasks.get(manager, taskId), session));
    });
  }
}

/** Returns the actor that cancels or retries a task: the requester role if the caller holds it, otherwise admin. */
async function controllingActor(
  manager: EntityManager,
  agent: Agent,
  taskId: string,
): Promise<Actor> {
  const facts = await getReadableTask(manager, agent, taskId);
  const isRequester = agent.roles.includes(facts.from_role);
  const relations = [
    ...taskRelations(agent, facts),
    ...(isRequester ? (['requester'] as const) : []),
  ];
  authorize('tasks.control', relations, taskNotFound);
  return { role: isRequester ? facts.from_role : 'admin', subject: agent.subject };
}

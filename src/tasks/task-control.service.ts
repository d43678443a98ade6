import { Injectable } from '@nestjs/common';
import { ApprovalRequirementsService } from '../approvals/approval-requirements.service.js';
import type { Agent } from '../auth/agent.js';
import { ConcurrentUpdateError } from '../database/postgres-errors.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { isTerminal } from '../lifecycle/session-status.js';
import { taskStatus } from '../lifecycle/task-status.js';
import { deadlinePast, taskFinished } from '../lifecycle/task-summary.js';
import { isAttempt } from '../sessions/attempt.js';
import { AttemptsService } from '../sessions/attempts.service.js';
import { cancelAttempt } from './cancel-attempt.js';
import { CascadesService } from './cascades.service.js';
import type { CancelledTaskDto, TaskDto } from './dto/task.dto.js';
import type { CancelDto } from './dto/task-control.dto.js';
import { TaskControlAccessService } from './task-control-access.service.js';
import { taskOpen } from './task-errors.js';

/** Cancels and retries tasks, for the requester role and for admins. */
@Injectable()
export class TaskControlService {
  constructor(
    private readonly access: TaskControlAccessService,
    private readonly lifecycle: LifecycleService,
    private readonly attempts: AttemptsService,
    private readonly expiry: ExpiryService,
    private readonly cascades: CascadesService,
    private readonly requirements: ApprovalRequirementsService,
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
    return this.access.run(agent, taskId, async (manager, { by, lockLatest, present }) => {
      const attempt = await lockLatest();
      if (isTerminal(attempt.status)) throw taskFinished(taskStatus(attempt));
      return present(await cancelAttempt(this.lifecycle, manager, attempt, by, { told: reason }));
    });
  }

  private async cancelTree(
    agent: Agent,
    taskId: string,
    reason: string | undefined,
  ): Promise<CancelledTaskDto> {
    return this.access.run(agent, taskId, async (manager, { by, lockLatest, present }) => {
      const cancelled_tasks = await this.cascades.cancel(manager, { agent, taskId, by, reason });
      const latest = await lockLatest();
      if (cancelled_tasks.length === 0) {
        // The task was retried after the cascade found it ended.
        if (!isTerminal(latest.status)) throw new ConcurrentUpdateError();
        throw taskFinished(taskStatus(latest));
      }
      return { ...(await present(latest)), cancelled_tasks };
    });
  }

  /**
   * Opens a new attempt of a task that failed, expired, became dead or was cancelled. All attempts are granted again.
   *
   * @throws DomainError `task.not_found`, `auth.forbidden`, `task.open`, `task.finished` or `approval.limit_reached`
   */
  async retry(agent: Agent, taskId: string, reason: string | undefined): Promise<TaskDto> {
    return this.access.run(agent, taskId, async (manager, { by, lockLatest, present }) => {
      const attempt = await lockLatest();
      if (!isTerminal(attempt.status)) throw taskOpen(taskStatus(attempt));
      if (attempt.status === 'completed' || !isAttempt(attempt))
        throw taskFinished(taskStatus(attempt));
      if (attempt.is_past_deadline) throw deadlinePast();
      // An overdue session is expired for readers, but can still be open in its row.
      await this.expiry.expireWithin(manager, attempt.id);
      const next = await this.attempts.openRetry(manager, attempt, by, reason);
      await this.requirements.reopen(manager, taskId, by, reason);
      return present(next);
    });
  }
}

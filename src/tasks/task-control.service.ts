import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { ConcurrentUpdateError } from '../database/postgres-errors.js';
import { isTerminal } from '../lifecycle/session-status.js';
import { taskStatus } from '../lifecycle/task-status.js';
import { taskFinished } from '../lifecycle/task-summary.js';
import { CascadesService } from './cascades.service.js';
import type { CancelledTaskDto, TaskDto } from './dto/task.dto.js';
import type { CancelDto } from './dto/task-control.dto.js';
import { TaskChangesService } from './task-changes.service.js';
import { TaskControlAccessService } from './task-control-access.service.js';

/** Cancels and retries a task, for the requester role and for admins. */
@Injectable()
export class TaskControlService {
  constructor(
    private readonly access: TaskControlAccessService,
    private readonly changes: TaskChangesService,
    private readonly cascades: CascadesService,
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
    return this.access.run(agent, taskId, async (manager, { id, by, present }) =>
      present(await this.changes.cancel(manager, { id, by, reason })),
    );
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
   * @throws DomainError `task.not_found`, `auth.forbidden`, `task.open`, `task.finished`, `approval.pending_exists` or
   *   `approval.limit_reached`
   */
  async retry(agent: Agent, taskId: string, reason: string | undefined): Promise<TaskDto> {
    return this.access.run(agent, taskId, async (manager, { id, by, present }) =>
      present(await this.changes.retry(manager, { id, by, reason })),
    );
  }
}

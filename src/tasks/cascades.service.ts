import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import type { Agent } from '../auth/agent.js';
import { ConcurrentUpdateError } from '../database/postgres-errors.js';
import { DomainError } from '../errors/domain-error.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { cancelAttempt } from './cancel-attempt.js';
import { type OpenAttempt, TaskTreesRepository } from './task-trees.repository.js';

/** Maximum number of open tasks that one cascade cancels, including the root. */
const MAX_TASKS = 200;

/** A request to cancel a task and the open tasks below it. */
export interface Cancellation {
  agent: Agent;
  taskId: string;
  by: Actor;
  reason: string | undefined;
}

/** Cancels a task and those of its open descendants that the cancelling role routed, directly or through the chain. */
@Injectable()
export class CascadesService {
  constructor(
    private readonly lifecycle: LifecycleService,
    private readonly trees: TaskTreesRepository,
  ) {}

  /**
   * Cancels the open tasks of a cascade and records an audit event for each.
   *
   * @returns the ids of the cancelled tasks, the root first; empty if the root is not open, and then nothing is cancelled
   * @throws DomainError `task.cascade_limit`
   */
  async cancel(manager: EntityManager, cancellation: Cancellation): Promise<string[]> {
    const open = await this.lockOpen(manager, cancellation);
    const { taskId, agent, by, reason } = cancellation;
    for (const attempt of open) {
      const isRoot = attempt.task_id === taskId;
      const actor = attempt.is_routed ? by : { role: 'admin', subject: agent.subject };
      await cancelAttempt(this.lifecycle, manager, attempt, actor, {
        told: reason,
        ...(!isRoot && { cause: taskId }),
      });
    }
    return open.map(({ task_id }) => task_id);
  }

  /**
   * Locks the open attempts and then their tasks, each in the order of their ids. The task locks prevent new subtasks, so
   * the scan is repeated until every attempt it finds is locked. Repeated scans must not wait for a lock: they already
   * have task locks and request session locks, the opposite of the usual order, which could deadlock.
   */
  private async lockOpen(
    manager: EntityManager,
    cancellation: Cancellation,
  ): Promise<readonly OpenAttempt[]> {
    const locked = new Set<string>();
    for (;;) {
      const open = await this.listOpen(manager, cancellation);
      if (open[0]?.task_id !== cancellation.taskId) return this.notOpen(locked);
      if (open.length > MAX_TASKS) throw cascadeLimit();
      const added = open.filter(({ id }) => !locked.has(id));
      if (added.length === 0) return open;
      const isFirst = locked.size === 0;
      const isLocked = await this.trees.lockAll(manager, added, isFirst ? '' : 'SKIP LOCKED');
      if (!isLocked) throw new ConcurrentUpdateError();
      for (const { id } of added) locked.add(id);
    }
  }

  private notOpen({ size }: ReadonlySet<string>): readonly OpenAttempt[] {
    // The root ended while this transaction waited for its lock.
    if (size > 0) throw new ConcurrentUpdateError();
    return [];
  }

  private listOpen(
    manager: EntityManager,
    { agent, taskId, by }: Cancellation,
  ): Promise<OpenAttempt[]> {
    const cascade = { id: taskId, role: by.role, forAdmin: agent.roles.includes('admin') };
    return this.trees.listOpenAttempts(manager, cascade, MAX_TASKS + 1);
  }
}

function cascadeLimit(): DomainError {
  return new DomainError(
    'task.cascade_limit',
    `The cascade would cancel more than ${MAX_TASKS} open tasks. Nothing was cancelled. Cancel the subtasks of this task first.`,
  );
}

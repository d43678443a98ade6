import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { DomainError } from '../errors/domain-error.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { TaskTreesRepository } from './task-trees.repository.js';

/** Maximum number of tasks in a chain of subtasks, and of those that are assigned to the same role. */
const MAX_DEPTH = 8;
const MAX_SAME_ROLE = 5;

/** Checks the ancestors of a new subtask. */
@Injectable()
export class LineageService {
  constructor(
    private readonly taskStates: TaskStatesService,
    private readonly trees: TaskTreesRepository,
  ) {}

  /**
   * Asserts that a task for the role `target` can be a subtask of the task `parentId`.
   *
   * @throws DomainError `task.not_found` if the caller cannot read the parent, `task.cancelled` if the parent is cancelled,
   *   `task.delegation_loop` if the chain would become too long or assign too many tasks to one role
   */
  async assert(
    manager: EntityManager,
    agent: Agent,
    parentId: string,
    target: string,
  ): Promise<void> {
    const [, parent] = await Promise.all([
      this.trees.lockParent(manager, parentId),
      this.taskStates.getReadable(manager, agent, parentId),
    ]);
    if (parent.status === 'cancelled') {
      throw new DomainError(
        'task.cancelled',
        'The task parent_task_id was cancelled. Route the task without parent_task_id, or do not route it.',
      );
    }
    const roles = await this.trees.listAncestorRoles(manager, parentId, MAX_DEPTH);
    if (roles.length + 1 > MAX_DEPTH) {
      throw new DomainError(
        'task.delegation_loop',
        `The chain of tasks from parent_task_id upwards already has ${MAX_DEPTH} tasks, which is the maximum. Do the work yourself, or route it without parent_task_id.`,
      );
    }
    if (roles.filter((role) => role === target).length + 1 > MAX_SAME_ROLE) {
      throw new DomainError(
        'task.delegation_loop',
        `The chain of tasks from parent_task_id upwards already has ${MAX_SAME_ROLE} tasks that are assigned to the role target, which is the maximum. Do the work yourself, or route it without parent_task_id.`,
      );
    }
  }
}

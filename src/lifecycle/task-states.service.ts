import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { authorize, permits } from '../auth/policy.js';
import { ConcurrentUpdateError } from '../database/postgres-errors.js';
import type { EndingTask, LockedTask } from './locked-task.js';
import { TaskStatesRepository } from './task-states.repository.js';
import {
  deadlinePast,
  taskFinished,
  taskNotFound,
  taskRelations,
  type TaskSummary,
} from './task-summary.js';

/** Reads the state of tasks, with the permission to read them, or locked until the transaction ends. */
@Injectable()
export class TaskStatesService {
  constructor(private readonly tasks: TaskStatesRepository) {}

  /** Returns the state of a task. Null if the task does not exist or is hidden from the agent. */
  async findReadable(
    manager: EntityManager,
    agent: Agent,
    taskId: string,
  ): Promise<TaskSummary | null> {
    const facts = await this.tasks.find(manager, taskId);
    return facts && permits('tasks.read', taskRelations(agent, facts)) ? facts : null;
  }

  /**
   * Like {@link findReadable}, but throws.
   *
   * @throws DomainError `task.not_found`
   */
  async getReadable(manager: EntityManager, agent: Agent, taskId: string): Promise<TaskSummary> {
    const facts = await this.tasks.find(manager, taskId);
    if (!facts) throw taskNotFound();
    authorize('tasks.read', taskRelations(agent, facts), taskNotFound);
    return facts;
  }

  /**
   * Locks a task, then reads its state. All changes of its approvals hold this lock.
   *
   * @throws DomainError `task.finished` if it is completed or cancelled, or its deadline has passed by PostgreSQL's
   *   clock
   */
  async lockOpen(manager: EntityManager, taskId: string): Promise<LockedTask> {
    const { deadline_past, requires_approval, ...subject } = await this.tasks.lock(manager, taskId);
    // Separate statements, to read what other transactions committed while this one waited for the lock.
    const [facts, parked] = await Promise.all([
      this.tasks.find(manager, taskId),
      this.tasks.findParked(manager, taskId),
    ]);
    if (!facts) throw new Error('The task has no attempt, although each task has at least one');
    if (facts.status === 'completed' || facts.status === 'cancelled') {
      throw taskFinished(facts.status);
    }
    if (deadline_past === true) throw deadlinePast();
    return { ...facts, subject, requires_approval, parked };
  }

  /**
   * Like {@link lockOpen}, and locks the latest attempt: until the transaction ends, no request can claim it, end it or
   * open another.
   *
   * @throws DomainError as {@link lockOpen}
   */
  async lockWithAttempt(manager: EntityManager, taskId: string): Promise<LockedTask> {
    const [latest, task] = await Promise.all([
      this.tasks.lockLatestAttempt(manager, taskId),
      this.lockOpen(manager, taskId),
    ]);
    // Another request opened a new attempt while this one waited for the lock.
    if (latest !== task.session_id) throw new ConcurrentUpdateError();
    return task;
  }

  /** Locks a task that may be ending, and returns the columns on which its end depends. */
  lockEnding(manager: EntityManager, taskId: string): Promise<EndingTask> {
    return this.tasks.lockEnding(manager, taskId);
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import type { Agent } from '../auth/agent.js';
import { authorize } from '../auth/policy.js';
import { TransactionsService } from '../database/transactions.service.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { taskNotFound, taskRelations } from '../lifecycle/task-summary.js';
import { AttemptsRepository } from '../sessions/attempts.repository.js';
import type { Session } from '../sessions/session.entity.js';
import type { ReadSession } from '../sessions/sessions.repository.js';
import { type TaskDto, toTaskDto } from './dto/task.dto.js';
import { withAttempt } from './task-view.js';
import { TasksRepository } from './tasks.repository.js';

/** A task that a transaction changes, on behalf of `by`. */
export interface ControlledTask {
  id: string;
  by: Actor;
  /** Locks and returns its latest attempt. */
  lockLatest: () => Promise<ReadSession>;
  /** Returns the response: the task with an attempt. */
  present: (attempt: Session) => Promise<TaskDto>;
}

/** Runs changes of tasks for callers that may control them. */
@Injectable()
export class TaskControlAccessService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly taskAttempts: AttemptsRepository,
    private readonly tasks: TasksRepository,
  ) {}

  /**
   * Runs `work` in a transaction on a task that the caller may control.
   *
   * @throws DomainError `task.not_found` or `auth.forbidden`
   */
  run<T>(
    agent: Agent,
    id: string,
    work: (manager: EntityManager, task: ControlledTask) => Promise<T>,
  ): Promise<T> {
    return this.transactions.run(async (manager) =>
      work(manager, {
        id,
        by: await this.actorFor(manager, agent, id),
        lockLatest: () => this.taskAttempts.lockLatest(manager, id),
        present: async (attempt) =>
          toTaskDto(withAttempt(await this.tasks.get(manager, id), attempt)),
      }),
    );
  }

  /** Returns the actor of the change: the requester role if the caller holds it, otherwise admin. */
  private async actorFor(manager: EntityManager, agent: Agent, id: string): Promise<Actor> {
    const facts = await this.taskStates.getReadable(manager, agent, id);
    const isRequester = agent.roles.includes(facts.from_role);
    const relations = [
      ...taskRelations(agent, facts),
      ...(isRequester ? (['requester'] as const) : []),
    ];
    authorize('tasks.control', relations, taskNotFound);
    return { role: isRequester ? facts.from_role : 'admin', subject: agent.subject };
  }
}

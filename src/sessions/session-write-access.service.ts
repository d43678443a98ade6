import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import type { Agent } from '../auth/agent.js';
import { authorize, permits } from '../auth/policy.js';
import type { Deferred } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import type { Reference } from '../common/ids.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { taskNotFound, type TaskSummary } from '../lifecycle/task-summary.js';
import type { Session } from './session.entity.js';
import { sessionClaimed, sessionIdRequired, sessionNotFound } from './session-errors.js';
import { sessionRelations } from './sessions-reader.service.js';
import { type LoadedSession, SessionsRepository } from './sessions.repository.js';

/** Runs changes of sessions for callers with write access. */
@Injectable()
export class SessionWriteAccessService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly sessions: SessionsRepository,
  ) {}

  /**
   * Runs `work` in a transaction on a session that the caller can write to. `work` must base its decisions on the session
   * that it receives, and must change the session before any other row: that change detects a conflict, after which
   * {@link TransactionsService.runOptimistic} runs `work` again on the locked row.
   *
   * @throws DomainError `session.not_found`, `session.id_required` or `auth.forbidden`
   */
  async run<T>(
    agent: Agent,
    { id, kind }: Reference,
    work: (manager: EntityManager, session: LoadedSession) => Promise<T | Deferred<T>>,
  ): Promise<T> {
    if (kind === 'task') throw sessionIdRequired();
    return this.transactions.runOptimistic(this.sessions.loader(id), async (manager, session) =>
      work(manager, await this.assertWritable(manager, agent, id, session)),
    );
  }

  /**
   * Returns a task of which the role of the session is a participant.
   *
   * @throws DomainError `task.not_found` for all other tasks
   */
  async getTask(
    manager: EntityManager,
    agent: Agent,
    role: string,
    taskId: string,
  ): Promise<TaskSummary> {
    const task = await this.taskStates.getReadable(manager, agent, taskId);
    if (!task.participants.includes(role)) throw taskNotFound();
    return task;
  }

  private async assertWritable(
    manager: EntityManager,
    agent: Agent,
    id: string,
    session: LoadedSession | undefined,
  ): Promise<LoadedSession> {
    if (!session) {
      // A bare id can be a task id. Only callers that can read the task receive this hint.
      throw (await this.taskStates.findReadable(manager, agent, id))
        ? sessionIdRequired()
        : sessionNotFound();
    }
    const relations = sessionRelations(agent, session);
    if (
      !permits('sessions.write', relations) &&
      session.attempt !== null &&
      session.task_id !== null
    ) {
      const task = await this.taskStates.findReadable(manager, agent, session.task_id);
      if (task) relations.push('participant');
    }
    authorize('sessions.write', relations, sessionNotFound);
    return session;
  }
}

/**
 * Asserts that the caller claimed the session, or is an admin. Unclaimed sessions pass.
 *
 * @throws DomainError `session.claimed`
 */
export function assertHolder(agent: Agent, session: Session): void {
  if (session.claimed_by === null || session.claimed_by === agent.subject) return;
  if (!agent.roles.includes('admin')) throw sessionClaimed(session);
}

/** Returns the actor of a change: the caller in the role of the session if it holds that role, otherwise as admin. */
export function actorFor(agent: Agent, session: Session): Actor {
  return {
    role: agent.roles.includes(session.role) ? session.role : 'admin',
    subject: agent.subject,
  };
}

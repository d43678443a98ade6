import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { AuditService } from '../audit/audit.service.js';
import type { Actor } from '../auth/actor.js';
import type { Agent } from '../auth/agent.js';
import { actingRole } from '../auth/roles.js';
import type { Deferred } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { type TaskSummary, taskFinished } from '../lifecycle/task-summary.js';
import { newId } from '../common/new-id.js';
import { currentTraceId } from '../observability/request-context.js';
import { AttemptsRepository } from './attempts.repository.js';
import type { CreateSessionDto } from './dto/create-session.dto.js';
import { type SessionDto, toSessionDto } from './dto/session.dto.js';
import type { Session } from './session.entity.js';
import { sessionClaimed } from './session-errors.js';
import { SessionWriteAccessService } from './session-write-access.service.js';
import { SessionsRepository } from './sessions.repository.js';

/** Creates plain sessions and adopts pending attempts. */
@Injectable()
export class SessionsService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly access: SessionWriteAccessService,
    private readonly lifecycle: LifecycleService,
    private readonly audit: AuditService,
    private readonly sessions: SessionsRepository,
    private readonly taskAttempts: AttemptsRepository,
  ) {}

  /**
   * Creates a plain session, or adopts the pending attempt if the task is assigned to the role.
   *
   * @throws InvalidInputError if the body has an `id` and the task is assigned to the role
   * @throws DomainError `task.not_found`, `task.finished`, `session.claimed`, `session.exists` or `auth.role_not_held`
   */
  async create(agent: Agent, dto: CreateSessionDto): Promise<SessionDto> {
    const by = { role: actingRole(agent, dto.role), subject: agent.subject };
    const session = await this.transactions.run(async (manager) => {
      const task =
        dto.task_id === undefined
          ? null
          : await this.access.getTask(manager, agent, by.role, dto.task_id);
      return task?.to_role === by.role
        ? this.adopt(manager, task, dto, by)
        : this.createPlain(manager, task, dto, by);
    });
    return toSessionDto(session);
  }

  private async adopt(
    manager: EntityManager,
    task: TaskSummary,
    dto: CreateSessionDto,
    by: Actor,
  ): Promise<Deferred<Session>> {
    if (dto.id !== undefined) {
      throw new InvalidInputError([
        {
          pointer: '/id',
          message: 'id is not allowed, because the attempt of task_id already has an id',
        },
      ]);
    }
    const attempt = await this.taskAttempts.lockLatest(manager, task.task_id);
    if (attempt.status === 'active') throw sessionClaimed(attempt);
    if (attempt.status !== 'pending') {
      throw taskFinished(attempt.status);
    }
    const { metadata } = dto;
    return this.lifecycle.changeWithCommit(manager, attempt, { metadata }, by, {
      event_type: 'session_adopted',
    });
  }

  private async createPlain(
    manager: EntityManager,
    task: TaskSummary | null,
    dto: CreateSessionDto,
    by: Actor,
  ): Promise<Session> {
    const isTaken = dto.id !== undefined && (await this.sessions.isTaskId(manager, dto.id));
    const session = isTaken
      ? undefined
      : await this.sessions.insert(manager, {
          id: dto.id ?? newId(),
          role: by.role,
          task_id: task?.task_id ?? null,
          metadata: dto.metadata ?? {},
          trace_id: task?.trace_id ?? currentTraceId(),
          created_by: by.subject,
          attempt: null,
          attempts_left: null,
          deadline_at: null,
          priority: 1,
          due: null,
        });
    if (!session) {
      throw new DomainError(
        'session.exists',
        'The id is already in use by a session or task. Choose another id, or omit it.',
      );
    }
    this.audit.record(manager, {
      event_type: 'session_created',
      trace_id: session.trace_id,
      by,
      task_id: session.task_id,
      session_id: session.id,
      metadata: { began: session.created_at, version: session.version },
      content: { metadata: session.metadata, result: null, error: null },
    });
    return session;
  }
}

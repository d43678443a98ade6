import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import type { Agent } from '../auth/agent.js';
import { authorize, permits } from '../auth/policy.js';
import { Environment } from '../config/environment.js';
import { Transactions } from '../database/transactions.js';
import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import type { Reference } from '../http/ids.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import { LifecycleService, type SessionChange } from '../lifecycle/lifecycle.service.js';
import { isTerminal } from '../lifecycle/session-status.js';
import { findReadableTask } from '../lifecycle/task-facts.js';
import { noteEffect } from '../observability/request-context.js';
import { type SessionDto, toSessionDto } from './dto/session.dto.js';
import type { UpdateSessionDto } from './dto/update-session.dto.js';
import { assertMatches } from './etag.js';
import type { Session } from './session.entity.js';
import {
  sessionClaimed,
  sessionEnded,
  sessionIdRequired,
  sessionNotFound,
} from './session-errors.js';
import { lockSession } from './session-rows.js';
import { sessionRelations } from './sessions-reader.service.js';
import { getTaskOf } from './sessions.service.js';

/** Carries out what agents do to sessions. */
@Injectable()
export class SessionUpdates {
  constructor(
    private readonly transactions: Transactions,
    private readonly lifecycle: LifecycleService,
    private readonly expiry: ExpiryService,
    private readonly environment: Environment,
  ) {}

  /** Changes status, metadata or task, all that is given at once. */
  async update(
    agent: Agent,
    reference: Reference,
    dto: UpdateSessionDto,
    ifMatch?: string,
  ): Promise<SessionDto> {
    if (reference.kind === 'task') throw sessionIdRequired();
    assertChange(dto);
    await this.expiry.expireIfOverdue(reference.id);
    const session = await this.transactions.run(async (manager) => {
      const current = await this.getForUpdate(manager, agent, reference.id);
      assertMatches(ifMatch, current);
      const change = await plan(manager, agent, current, dto);
      const by = actorOn(agent, current);
      if (change) return this.lifecycle.change(manager, current, change, by);
      // A retry is given this answer only while its caller still holds the role.
      noteEffect({ role: by.role, type: 'session', id: current.id });
      return current;
    });
    return toSessionDto(session);
  }

  /** The session, locked until the transaction ends, for an agent that may write to it. */
  private async getForUpdate(manager: EntityManager, agent: Agent, id: string): Promise<Session> {
    const session = await lockSession(manager, id, this.environment.SESSION_RETENTION_DAYS);
    if (!session) {
      // A bare id may be a task's: those who may see the task are told so, the others nothing.
      throw (await findReadableTask(manager, agent, id)) ? sessionIdRequired() : sessionNotFound();
    }
    const relations = sessionRelations(agent, session);
    if (
      !permits('sessions.write', relations) &&
      session.attempt !== null &&
      session.task_id !== null
    ) {
      const task = await findReadableTask(manager, agent, session.task_id);
      if (task) relations.push('participant');
    }
    authorize('sessions.write', relations, sessionNotFound());
    return session;
  }
}

/** What the request comes to for this session; undefined when it is so already. */
async function plan(
  manager: EntityManager,
  agent: Agent,
  session: Session,
  dto: UpdateSessionDto,
): Promise<SessionChange | undefined> {
  const { status, task_id, metadata, result, error } = dto;
  if (isTerminal(session.status)) throw sessionEnded(session, status);
  if (status !== undefined) assertHolder(agent, session);
  const moves = status !== undefined && status !== session.status;
  const joins = task_id !== undefined && task_id !== session.task_id;
  if (joins) await assertMayJoin(manager, agent, session, task_id);
  if (!moves && !joins && metadata === undefined) return undefined;
  return {
    metadata,
    result,
    error,
    ...(moves && { status }),
    ...(joins && { task_id }),
    ...(status === 'active' && { claimed_by: agent.subject }),
  };
}

/** Only the agent that holds an active session, or an admin, says how it goes on. */
function assertHolder(agent: Agent, session: Session): void {
  if (session.claimed_by === null || session.claimed_by === agent.subject) return;
  if (!agent.roles.includes('admin')) throw sessionClaimed(session);
}

async function assertMayJoin(
  manager: EntityManager,
  agent: Agent,
  session: Session,
  taskId: string,
): Promise<void> {
  if (session.task_id !== null) {
    throw new DomainError(
      'session.task_set',
      'The session has a task already; it cannot be changed.',
    );
  }
  await getTaskOf(manager, agent, session.role, taskId);
}

function assertChange({ status, metadata, task_id, result, error }: UpdateSessionDto): void {
  const given = [status, metadata, task_id, result, error].some((value) => value !== undefined);
  const problems = [
    ...(given
      ? []
      : [{ pointer: '/', message: 'Give at least one of status, metadata and task_id' }]),
    ...(result !== undefined && status !== 'completed'
      ? [{ pointer: '/result', message: 'result goes with status completed' }]
      : []),
    ...(error !== undefined && status !== 'failed'
      ? [{ pointer: '/error', message: 'error goes with status failed' }]
      : []),
  ];
  if (problems.length > 0) throw new InvalidInputError(problems);
}

/** The agent acts for the session's role where it holds that, else as an admin. */
function actorOn(agent: Agent, session: Session): Actor {
  return {
    role: agent.roles.includes(session.role) ? session.role : 'admin',
    subject: agent.subject,
  };
}

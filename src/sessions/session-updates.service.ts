import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { afterRollback } from '../database/transaction-hooks.js';
import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import type { Reference } from '../common/ids.js';
import { recordAffectedResource } from '../idempotency/keyed-context.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { isTerminal } from '../lifecycle/session-status.js';
import type { SessionChange } from '../lifecycle/session-transition.js';
import { TaskCompletion } from '../lifecycle/task-end.js';
import { assertClaimable, isAttempt } from './attempt.js';
import { type AttemptFailure, AttemptsService } from './attempts.service.js';
import { type SessionDto, toChangedSessionDto, toSessionDto } from './dto/session.dto.js';
import type { UpdateSessionDto } from './dto/update-session.dto.js';
import { assertMatches } from './etag.js';
import type { LoadedSession } from './sessions.repository.js';
import {
  actorFor,
  assertHolder,
  SessionWriteAccessService,
} from './session-write-access.service.js';
import { sessionEnded } from './session-errors.js';

/** Changes sessions on behalf of agents. */
@Injectable()
export class SessionUpdatesService {
  constructor(
    private readonly sessions: SessionWriteAccessService,
    private readonly lifecycle: LifecycleService,
    private readonly attempts: AttemptsService,
    private readonly expiry: ExpiryService,
  ) {}

  /**
   * Changes status, metadata, task, result and error of a session in one transaction.
   *
   * @param ifMatch value of the header `If-Match`
   * @throws InvalidInputError if the body has no change, or a member that does not apply to its status
   * @throws DomainError for example `session.version_mismatch`, `session.claimed` or `lifecycle.invalid_transition`
   */
  async update(
    agent: Agent,
    reference: Reference,
    dto: UpdateSessionDto,
    ifMatch?: string,
  ): Promise<SessionDto> {
    assertChange(dto);
    return this.sessions.run(agent, reference, async (manager, current) => {
      // An overdue session refuses the change, but its expiry has to be stored.
      if (current.status === 'expired') {
        afterRollback(manager, () => this.expiry.expireIfOverdue(current.id));
      }
      assertMatches(ifMatch, current);
      const change = await this.plan(manager, agent, current, dto);
      const by = actorFor(agent, current);
      if (!change) {
        // The role goes into the idempotency record: a replay requires that the caller still holds it.
        recordAffectedResource(manager, { role: by.role, type: 'session', id: current.id });
        return toSessionDto(current);
      }
      if (change.status === 'failed' && dto.retryable === true && isAttempt(current)) {
        const loss = { ended_reason: 'worker', ...failureOf(dto) } as const;
        return toSessionDto(await this.attempts.failAttempt(manager, current, loss, by));
      }
      const completion = new TaskCompletion(dto.withdraw_pending);
      const changed = await this.lifecycle.changeWithCommit(
        manager,
        current,
        { ...change, completion },
        by,
      );
      return changed.map((session) => toChangedSessionDto(session, completion.withdrawn));
    });
  }

  /** Returns the change that the request makes to this session; undefined if it makes none. */
  private async plan(
    manager: EntityManager,
    agent: Agent,
    session: LoadedSession,
    dto: UpdateSessionDto,
  ): Promise<SessionChange | undefined> {
    const { status, task_id, metadata, result, error } = dto;
    if (isTerminal(session.status)) throw sessionEnded(session, status);
    if (status !== undefined) assertHolder(agent, session);
    const moves = status !== undefined && status !== session.status;
    if (moves && status === 'active') assertClaimable(session);
    const joins = task_id !== undefined && task_id !== session.task_id;
    if (joins) await this.assertMayJoin(manager, agent, session, task_id);
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

  private async assertMayJoin(
    manager: EntityManager,
    agent: Agent,
    session: LoadedSession,
    taskId: string,
  ): Promise<void> {
    if (session.task_id !== null) {
      throw new DomainError(
        'session.task_set',
        'The session already has a task, and task_id cannot be changed. Create another session for this task.',
      );
    }
    await this.sessions.getTask(manager, agent, session.role, taskId);
  }
}

function assertChange({
  status,
  metadata,
  task_id,
  result,
  error,
  retryable,
  withdraw_pending,
}: UpdateSessionDto): void {
  const given = [status, metadata, task_id, result, error].some((value) => value !== undefined);
  const problems = [
    ...(given
      ? []
      : [{ pointer: '/', message: 'The body must contain status, metadata or task_id' }]),
    ...(result !== undefined && status !== 'completed'
      ? [{ pointer: '/result', message: 'result is allowed only with status completed' }]
      : []),
    ...(error !== undefined && status !== 'failed'
      ? [{ pointer: '/error', message: 'error is allowed only with status failed' }]
      : []),
    ...(retryable !== undefined && status !== 'failed'
      ? [{ pointer: '/retryable', message: 'retryable is allowed only with status failed' }]
      : []),
    ...(withdraw_pending !== undefined && status !== 'completed'
      ? [
          {
            pointer: '/withdraw_pending',
            message: 'withdraw_pending is allowed only with status completed',
          },
        ]
      : []),
  ];
  if (problems.length > 0) throw new InvalidInputError(problems);
}

function failureOf({
  error,
  metadata,
}: UpdateSessionDto): Pick<AttemptFailure, 'error' | 'metadata'> {
  return { ...(error !== undefined && { error }), ...(metadata && { metadata }) };
}

import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import type { Reference } from '../http/ids.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { noteEffect } from '../observability/request-context.js';
import { isAttempt } from './attempts.service.js';
import { assertOneDueTime, type ReleaseDto } from './dto/lease.dto.js';
import { type SessionDto, toSessionDto } from './dto/session.dto.js';
import type { Session } from './session.entity.js';
import { actorOn, assertHolder, WritableSessions } from './session-access.js';
import { ReleasesService } from './releases.service.js';
import { runLimitReached, sessionEnded, sessionNotBegun } from './session-errors.js';

const MAX_LEASE_SECONDS = 3_600;
const DEFAULT_LEASE_SECONDS = 300;

/** Lets workers say that they are still there, and hand back what they cannot do. */
@Injectable()
export class Leases {
  constructor(
    private readonly sessions: WritableSessions,
    private readonly lifecycle: LifecycleService,
    private readonly releases: ReleasesService,
    private readonly environment: Environment,
  ) {}

  /**
   * Extends the lease from now on, by `lease_seconds` or by the length that it has. As long as nobody took the attempt
   * over, a late heartbeat is good.
   *
   * @throws DomainError `session.run_limit` once the attempt has run for the `max_run_seconds` of its task
   */
  async heartbeat(agent: Agent, reference: Reference, lease_seconds?: number): Promise<SessionDto> {
    const otherwise = this.lengthOf();
    const seconds = lease_seconds === undefined ? null : this.lengthOf(lease_seconds);
    const session = await this.sessions.run(agent, reference, (manager, current) => {
      assertHeld(agent, current);
      if (current.is_past_run_limit) throw runLimitReached(current);
      noteEffect({ role: actorOn(agent, current).role, type: 'session', id: current.id });
      return Promise.resolve(this.lifecycle.heartbeat(manager, current, seconds, otherwise));
    });
    return toSessionDto(session);
  }

  /** Gives a claimed task back, to be due at once, later, or when an approval is settled; gives the ended attempt. */
  async release(agent: Agent, reference: Reference, release: ReleaseDto): Promise<SessionDto> {
    assertOneDueTime(release);
    const session = await this.sessions.run(agent, reference, async (manager, current) => {
      assertHeld(agent, current);
      if (!isAttempt(current)) {
        throw new DomainError(
          'session.not_attempt',
          'Only a session that carries a task can be released.',
        );
      }
      return this.releases.release(manager, current, release, actorOn(agent, current));
    });
    return toSessionDto(session);
  }

  /** How long a lease is to be, in seconds. */
  lengthOf(wanted = Math.max(DEFAULT_LEASE_SECONDS, this.environment.LEASE_MIN_SECONDS)): number {
    const { LEASE_MIN_SECONDS } = this.environment;
    if (wanted >= LEASE_MIN_SECONDS && wanted <= MAX_LEASE_SECONDS) return wanted;
    const message = `lease_seconds must be from ${LEASE_MIN_SECONDS} to ${MAX_LEASE_SECONDS}`;
    throw new InvalidInputError([{ pointer: '/lease_seconds', message }]);
  }
}

function assertHeld(agent: Agent, session: Session): void {
  if (session.ended_reason === 'cancelled') {
    throw new DomainError('task.cancelled', 'The task was cancelled; stop working on it.');
  }
  if (session.status === 'pending') throw sessionNotBegun();
  if (session.status !== 'active') throw sessionEnded(session);
  assertHolder(agent, session);
}

import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import type { Reference } from '../common/ids.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import { isAttempt } from './attempt.js';
import { assertOneDueTime, type ReleaseDto } from './dto/lease.dto.js';
import { type SessionDto, toSessionDto } from './dto/session.dto.js';
import type { Session } from './session.entity.js';
import {
  actorFor,
  assertHolder,
  SessionWriteAccessService,
} from './session-write-access.service.js';
import { ReleasesService } from './releases.service.js';
import { runLimitReached, sessionEnded, sessionNotBegun } from './session-errors.js';

const MAX_LEASE_SECONDS = 3_600;
const DEFAULT_LEASE_SECONDS = 300;

/** Extends leases (heartbeats) and releases claimed tasks. */
@Injectable()
export class LeasesService {
  constructor(
    private readonly sessions: SessionWriteAccessService,
    private readonly lifecycle: LifecycleService,
    private readonly releases: ReleasesService,
    private readonly environment: Environment,
  ) {}

  /**
   * Restarts the lease from now, with `lease_seconds` or the present length. A heartbeat after the lease expiry is accepted
   * until the sweep has closed the attempt.
   *
   * @throws InvalidInputError if `lease_seconds` is out of range
   * @throws DomainError `session.run_limit` if `run_until` has passed, `task.cancelled`, `session.ended`,
   *   `session.claimed` or `lifecycle.invalid_transition`
   */
  async heartbeat(agent: Agent, reference: Reference, lease_seconds?: number): Promise<SessionDto> {
    const otherwise = this.lengthOf();
    const seconds = lease_seconds === undefined ? null : this.lengthOf(lease_seconds);
    const session = await this.sessions.run(agent, reference, (manager, current) => {
      assertHeld(agent, current);
      if (current.is_past_run_limit) throw runLimitReached(current);
      return Promise.resolve(this.lifecycle.heartbeat(manager, current, seconds, otherwise));
    });
    return toSessionDto(session);
  }

  /**
   * Releases a claimed task. The next attempt becomes due at once, at `not_before`, or when an approval ends.
   *
   * @returns the ended attempt
   * @throws DomainError `session.not_attempt`, the errors of {@link ReleasesService.release}, and those of a heartbeat
   */
  async release(agent: Agent, reference: Reference, release: ReleaseDto): Promise<SessionDto> {
    assertOneDueTime(release);
    const session = await this.sessions.run(agent, reference, async (manager, current) => {
      assertHeld(agent, current);
      if (!isAttempt(current)) {
        throw new DomainError(
          'session.not_attempt',
          'Only an attempt at a task can be released. Complete or fail this session instead.',
        );
      }
      return this.releases.release(manager, current, release, actorFor(agent, current));
    });
    return toSessionDto(session);
  }

  /**
   * Returns the length of a lease in seconds: the requested one, or the default.
   *
   * @throws InvalidInputError if the requested length is out of range
   */
  lengthOf(wanted = Math.max(DEFAULT_LEASE_SECONDS, this.environment.LEASE_MIN_SECONDS)): number {
    const { LEASE_MIN_SECONDS } = this.environment;
    if (wanted >= LEASE_MIN_SECONDS && wanted <= MAX_LEASE_SECONDS) return wanted;
    const message = `lease_seconds must be between ${LEASE_MIN_SECONDS} and ${MAX_LEASE_SECONDS}`;
    throw new InvalidInputError([{ pointer: '/lease_seconds', message }]);
  }
}

function assertHeld(agent: Agent, session: Session): void {
  if (session.ended_reason === 'cancelled') {
    throw new DomainError('task.cancelled', 'The task was cancelled. Stop working on it.');
  }
  if (session.status === 'pending') throw sessionNotBegun();
  if (session.status !== 'active') throw sessionEnded(session);
  assertHolder(agent, session);
}

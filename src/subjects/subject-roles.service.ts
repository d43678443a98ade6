import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { VerifiedTokensService } from '../auth/verified-tokens.service.js';
import { DomainError } from '../errors/domain-error.js';
import { messageOf } from '../errors/error-text.js';
import { SubjectRolesRepository } from './subject-roles.repository.js';

/** Maximum time that the first request with a token waits until its roles are recorded, in milliseconds. */
const FIRST_USE_WAIT_MS = 250;

/**
 * Records the roles of the newest token of each subject, the roles that subjects lost, and the roles that exist.
 *
 * The controller can detect a lost role only from a newer token. Each process records the roles of a token once, when
 * it first verifies the token. The first request waits for that, at most {@link FIRST_USE_WAIT_MS}. If the roles cannot be
 * recorded, the next request verifies the token again.
 */
@Injectable()
export class SubjectRolesService implements OnModuleInit {
  private readonly seen = new Set<string>();
  private readonly logger = new Logger(SubjectRolesService.name);

  constructor(
    private readonly verified: VerifiedTokensService,
    private readonly subjects: SubjectRolesRepository,
  ) {}

  onModuleInit(): void {
    this.verified.atFirstUse((agent, forget) =>
      Promise.race([
        this.record(agent, forget),
        sleep(FIRST_USE_WAIT_MS, undefined, { ref: false }),
      ]),
    );
  }

  /** Returns whether a verified token has ever carried a role. */
  async isSeen(role: string): Promise<boolean> {
    if (this.seen.has(role)) return true;
    const isSeen = await this.subjects.isSeen(role);
    if (isSeen) this.seen.add(role);
    return isSeen;
  }

  /**
   * Asserts that no newer token of the same subject lacks a role.
   *
   * @throws DomainError `auth.role_not_held`
   */
  async assertStillHeld(manager: EntityManager, agent: Agent, role: string): Promise<void> {
    if (await this.subjects.isLostSince(manager, agent, role))
      throw new DomainError(
        'auth.role_not_held',
        'A newer token of your subject does not carry the approver role. Send the request with a new token that carries it.',
      );
  }

  private async record(agent: Agent, forget: () => void): Promise<void> {
    try {
      await this.subjects.record(agent);
      for (const role of agent.roles) this.seen.add(role);
    } catch (error) {
      forget();
      this.logger.debug(`Cannot record the roles of a token: ${messageOf(error)}`);
    }
  }
}

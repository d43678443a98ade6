import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { AuditEventType } from '../audit/audit-event-types.js';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { authorize, staffRelations } from '../auth/policy.js';
import { assertOrgRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { afterCommit } from '../database/transaction-hooks.js';
import { TransactionsService } from '../database/transactions.service.js';
import { WorkNotifierService } from '../database/work-notifier.service.js';
import { DomainError, InvalidInputError } from '../errors/domain-error.js';
import { currentTraceId } from '../observability/request-context.js';
import {
  type PausedRolesDto,
  type PauseRoleDto,
  type RoleDto,
  toRoleDto,
} from './dto/role-pause.dto.js';
import type { RolePause } from './role-pause.entity.js';
import { RolePausesRepository } from './role-pauses.repository.js';

/** Pauses and resumes roles. While a role is paused, none of its tasks is claimed; active attempts continue. */
@Injectable()
export class RolePausesService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly pauses: RolePausesRepository,
    private readonly audit: AuditService,
    private readonly workNotifier: WorkNotifierService,
    private readonly environment: Environment,
  ) {}

  /** Returns the paused roles. */
  async list(): Promise<PausedRolesDto> {
    const pauses = await this.transactions.read((manager) => this.pauses.list(manager));
    return { roles: pauses.map((pause) => toRoleDto(pause.role, pause)) };
  }

  /** Returns whether a role is paused. Every name is a role. */
  async get(role: string): Promise<RoleDto> {
    const pause = await this.transactions.read((manager) => this.pauses.find(manager, role));
    return toRoleDto(role, pause);
  }

  /**
   * Pauses a role. Replaces its pause if it is paused.
   *
   * @throws InvalidInputError if the role is reserved or unknown, or `until` has passed by PostgreSQL's clock
   * @throws DomainError `auth.forbidden`, or `role.previous_release` if an instance would ignore the pause
   */
  async pause(agent: Agent, role: string, { reason, until }: PauseRoleDto): Promise<RoleDto> {
    assertAdmin(agent);
    assertOrgRole(role, this.environment.ROLES, '/role');
    const paused = await this.transactions.run(async (manager) => {
      const pause = { role, reason, until, paused_by: agent.subject };
      if (await this.pauses.hasPreviousRelease(manager)) throw previousRelease();
      const stored = await this.pauses.put(manager, pause);
      if (!stored) throw untilPast();
      this.record(manager, agent, 'role_paused', stored);
      return stored;
    });
    return toRoleDto(role, paused);
  }

  /**
   * Ends the pause of a role, and notifies its waiting agents. Changes nothing if the role is not paused.
   *
   * @throws DomainError `auth.forbidden`
   */
  async resume(agent: Agent, role: string): Promise<RoleDto> {
    assertAdmin(agent);
    await this.transactions.run(async (manager) => {
      const ended = await this.pauses.delete(manager, role);
      if (!ended) return;
      this.record(manager, agent, 'role_resumed', ended);
      afterCommit(manager, () => {
        this.workNotifier.notify(role);
      });
    });
    return toRoleDto(role, undefined);
  }

  private record(
    manager: EntityManager,
    { subject }: Agent,
    event_type: AuditEventType,
    { role, reason, until, paused_by, paused_at }: RolePause,
  ): void {
    this.audit.record(manager, {
      event_type,
      trace_id: currentTraceId(),
      by: { role: 'admin', subject },
      metadata: { role, told: reason, until, paused_by, paused_at },
    });
  }
}

/** @throws DomainError `auth.forbidden` if the agent does not hold the role admin */
function assertAdmin(agent: Agent): void {
  authorize(
    'roles.pause',
    staffRelations(agent),
    () => new DomainError('auth.forbidden', 'Pausing a role requires the role admin.'),
  );
}

function previousRelease(): DomainError {
  return new DomainError(
    'role.previous_release',
    'An instance of the previous release works with the database, and ignores pauses. Complete the upgrade, then pause the role.',
  );
}

function untilPast(): InvalidInputError {
  return new InvalidInputError([
    { pointer: '/until', message: 'until must be in the future, by the clock of the database' },
  ]);
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { assertOrgRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { InvalidInputError } from '../errors/domain-error.js';
import { type WarningDto, warningsOf } from '../http/warnings.js';
import { SubjectRolesService } from '../subjects/subject-roles.service.js';
import type { RouteTaskDto } from './dto/route-task.dto.js';
import { LineageService } from './lineage.service.js';

/** Checks requests to route a task. */
@Injectable()
export class RouteChecksService {
  constructor(
    private readonly lineage: LineageService,
    private readonly subjects: SubjectRolesService,
    private readonly environment: Environment,
  ) {}

  /**
   * Asserts that the roles exist and that the task can require an approval.
   *
   * @throws InvalidInputError
   */
  assertRoles({ target, requires_approval, task }: RouteTaskDto): void {
    assertOrgRole(target, this.environment.ROLES, '/target');
    if (!requires_approval) return;
    assertOrgRole(requires_approval.role, this.environment.ROLES, '/requires_approval/role');
    if (task.task_type !== 'notification') return;
    throw new InvalidInputError([
      {
        pointer: '/requires_approval',
        message:
          'requires_approval is not allowed for a notification, because its claim completes it',
      },
    ]);
  }

  /**
   * Asserts that the task can be a subtask of its parent, if it has one.
   *
   * @throws DomainError the errors of {@link LineageService.assert}
   */
  async assertParent(
    manager: EntityManager,
    agent: Agent,
    { parent_task_id, target }: RouteTaskDto,
  ): Promise<void> {
    if (parent_task_id === undefined) return;
    await this.lineage.assert(manager, agent, parent_task_id, target);
  }

  /** Returns the warnings of the response. */
  async warningsOf(dto: RouteTaskDto): Promise<WarningDto[]> {
    return [...warningsOf(dto), ...(await this.warningsOfRole(dto.target))];
  }

  /** Without ROLES a misspelled role is accepted, and no agent ever claims its task. So the response contains a warning. */
  private async warningsOfRole(target: string): Promise<WarningDto[]> {
    if (this.environment.ROLES.length > 0 || (await this.subjects.isSeen(target))) return [];
    const message = `No agent of the role "${target}" has called the controller yet. Check the name.`;
    return [{ code: 'task.unseen_role', message, pointer: '/target' }];
  }
}

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v4 as randomId } from 'uuid';
import { ApprovalRequestsService } from '../approvals/approval-requests.service.js';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { actingRole, assertOrgRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { TransactionsService } from '../database/transactions.service.js';
import { InvalidInputError } from '../errors/domain-error.js';
import { findTaskKey } from '../idempotency/keyed-context.js';
import { lockOpenTask } from '../lifecycle/task-lock.js';
import { type WarningDto, warningsOf } from '../http/warnings.js';
import { newId } from '../common/new-id.js';
import { currentTraceId } from '../observability/request-context.js';
import { AttemptsService } from '../sessions/attempts.service.js';
import { SubjectRolesService } from '../subjects/subject-roles.service.js';
import type { RouteTaskDto } from './dto/route-task.dto.js';
import { type RoutedTaskDto, toRoutedTask } from './dto/routed-task.dto.js';
import { LineageService } from './lineage.service.js';
import { isPriority, type Priority, rankOf } from './priority.js';
import { type NewTask, TasksRepository } from './tasks.repository.js';

/** Routes tasks to roles. */
@Injectable()
export class TasksService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly tasks: TasksRepository,
    private readonly lineage: LineageService,
    private readonly attempts: AttemptsService,
    private readonly approvals: ApprovalRequestsService,
    private readonly audit: AuditService,
    private readonly subjects: SubjectRolesService,
    private readonly environment: Environment,
  ) {}

  /**
   * Stores a task, opens its first attempt and requests its required approval, in one transaction.
   *
   * @throws InvalidInputError if a role is reserved or unknown, or a time is not possible
   * @throws DomainError the errors of {@link LineageService.assert}, `auth.role_ambiguous`, `auth.role_not_held` or
   *   `approval.four_eyes`
   */
  async route(agent: Agent, dto: RouteTaskDto): Promise<RoutedTaskDto> {
    assertOrgRole(dto.target, this.environment.ROLES, '/target');
    this.assertRequirement(dto);
    const deadline_at = dto.deadline_at === undefined ? null : new Date(dto.deadline_at);
    const due = dueTime(dto.not_before, deadline_at);
    const by = { role: actingRole(agent, dto.from_role), subject: agent.subject };
    const warnings = [...warningsOf(dto), ...(await this.warningsOfRole(dto.target))];
    const task = await this.transactions.run(async (manager) => {
      if (dto.parent_task_id !== undefined) {
        await this.lineage.assert(manager, agent, dto.parent_task_id, dto.target);
      }
      const routed: NewTask = {
        id: newId(),
        ...dto.task,
        context: dto.context,
        from_role: by.role,
        to_role: dto.target,
        created_by: by.subject,
        trace_id: currentTraceId(),
        priority: priorityOf(dto),
        deadline_at,
        max_attempts: dto.max_attempts,
        max_run_seconds: dto.max_run_seconds ?? null,
        parent_task_id: dto.parent_task_id ?? null,
        requires_approval: dto.requires_approval ?? null,
        ...databaseKeys(manager),
      };
      await this.insert(manager, routed);
      const { id: task_id, to_role, trace_id, created_by } = routed;
      const session_id = this.attempts.openFirst(manager, {
        ...{ task_id, trace_id, created_by, deadline_at },
        role: to_role,
        attempts_left: routed.max_attempts - 1,
        priority: rankOf(routed.priority),
        due,
      });
      this.audit.record(manager, {
        event_type: 'task_routed',
        trace_id,
        by,
        task_id,
        session_id,
        metadata: { to_role, task_type: routed.task_type, attempt: 1, version: 1 },
      });
      if (routed.requires_approval) {
        const { role, ...ask } = routed.requires_approval;
        const task = await lockOpenTask(manager, task_id);
        const reason = 'Required to complete the task';
        await this.approvals.create(manager, task, { ...ask, stages: [role], reason }, by);
      }
      return routed;
    });
    return toRoutedTask(task, warnings);
  }

  /**
   * Inserts a task. Without a deadline the INSERT is queued and sent in one batch with the next statement.
   *
   * @throws InvalidInputError if the deadline is not in the future
   */
  private async insert(manager: EntityManager, task: NewTask): Promise<void> {
    const { deadline_at } = task;
    if (deadline_at === null) {
      this.tasks.queueInsert(manager, { ...task, deadline_at });
      return;
    }
    if (await this.tasks.insert(manager, task)) return;
    throw new InvalidInputError([
      { pointer: '/deadline_at', message: 'deadline_at must be in the future' },
    ]);
  }

  /** Without ROLES a misspelled role is accepted, and no agent ever claims its task. So the response contains a warning. */
  private async warningsOfRole(target: string): Promise<WarningDto[]> {
    if (this.environment.ROLES.length > 0 || (await this.subjects.isSeen(target))) return [];
    const message = `No agent of the role "${target}" has called the controller yet. Check the name.`;
    return [{ code: 'task.unseen_role', message, pointer: '/target' }];
  }

  private assertRequirement({ requires_approval, task }: RouteTaskDto): void {
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
}

/**
 * Returns the time at which the task becomes due; null for at once.
 *
 * @throws InvalidInputError if that is not before the deadline, because the task could never be claimed
 */
function dueTime(notBefore: string | undefined, deadline: Date | null): Date | null {
  if (notBefore === undefined) return null;
  const time = new Date(notBefore);
  if (deadline === null || time < deadline) return time;
  throw new InvalidInputError([
    { pointer: '/not_before', message: 'not_before must be before deadline_at' },
  ]);
}

/** Returns the priority of the request. For a notification without one, v0.4 agents send it in `data.priority`. */
function priorityOf({ priority, task }: RouteTaskDto): Priority {
  if (priority !== undefined) return priority;
  const told = task.task_type === 'notification' ? task.data.priority : undefined;
  return isPriority(told) ? told : 'normal';
}

/** Returns the candidates for the database key of a task: for a keyed request, those of the idempotency key. */
function databaseKeys(
  manager: EntityManager,
): Pick<NewTask, 'preferred_key' | 'derived_key' | 'random_key'> {
  const { preferred, derived } = findTaskKey(manager) ?? {};
  return { preferred_key: preferred, derived_key: derived, random_key: randomId() };
}

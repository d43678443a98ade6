import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v4 as randomId } from 'uuid';
import { ApprovalRequirementsService } from '../approvals/approval-requirements.service.js';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { actingRole } from '../auth/roles.js';
import { TransactionsService } from '../database/transactions.service.js';
import { InvalidInputError } from '../errors/domain-error.js';
import { findTaskKey } from '../idempotency/keyed-context.js';
import { newId } from '../common/new-id.js';
import { currentTraceId } from '../observability/request-context.js';
import { currentTraceparent } from '../observability/tracing.js';
import { AttemptsService } from '../sessions/attempts.service.js';
import type { RouteTaskDto } from './dto/route-task.dto.js';
import { type RoutedTaskDto, toRoutedTask } from './dto/routed-task.dto.js';
import { isPriority, type Priority, rankOf } from './priority.js';
import { RouteChecksService } from './route-checks.service.js';
import { inSendSpan } from './task-spans.js';
import { type NewTask, TasksRepository } from './tasks.repository.js';

/** Routes tasks to roles. */
@Injectable()
export class TasksService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly checks: RouteChecksService,
    private readonly tasks: TasksRepository,
    private readonly attempts: AttemptsService,
    private readonly requirements: ApprovalRequirementsService,
    private readonly audit: AuditService,
  ) {}

  /**
   * Stores a task, opens its first attempt and requests its required approval, in one transaction.
   *
   * @throws InvalidInputError if a role is reserved or unknown, or a time is not possible
   * @throws DomainError the errors of {@link RouteChecksService.assertParent}, `auth.role_ambiguous`, `auth.role_not_held` or
   *   `approval.four_eyes`
   */
  async route(agent: Agent, dto: RouteTaskDto): Promise<RoutedTaskDto> {
    this.checks.assertRoles(dto);
    const deadline_at = dto.deadline_at === undefined ? null : new Date(dto.deadline_at);
    const due = dueTime(dto.not_before, deadline_at);
    const by = { role: actingRole(agent, dto.from_role), subject: agent.subject };
    const warnings = await this.checks.warningsOf(dto);
    const route = async (manager: EntityManager): Promise<NewTask> => {
      await this.checks.assertParent(manager, agent, dto);
      const routed: NewTask = {
        id: newId(),
        ...dto.task,
        context: dto.context,
        from_role: by.role,
        to_role: dto.target,
        created_by: by.subject,
        trace_id: currentTraceId(),
        traceparent: currentTraceparent(),
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
        metadata: { ...factsOf(routed), not_before: due, attempt: 1, version: 1 },
        content: contentOf(routed),
      });
      if (routed.requires_approval) await this.requirements.open(manager, task_id, by);
      return routed;
    };
    const task = await inSendSpan(dto.target, () => this.transactions.run(route));
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

/** Returns the facts of a new task for its audit event. */
function factsOf(task: NewTask) {
  const { to_role, task_type, priority, deadline_at, max_attempts, max_run_seconds } = task;
  const { parent_task_id, requires_approval, traceparent } = task;
  return {
    ...{ to_role, task_type, priority, deadline_at, max_attempts, max_run_seconds },
    ...{ parent_task_id, requires_approval },
    ...(traceparent !== null && { traceparent }),
  };
}

function contentOf({ description, data, context }: NewTask) {
  return { description, data, context };
}

/** Returns the candidates for the database key of a task: for a keyed request, those of the idempotency key. */
function databaseKeys(
  manager: EntityManager,
): Pick<NewTask, 'preferred_key' | 'derived_key' | 'random_key'> {
  const { preferred, derived } = findTaskKey(manager) ?? {};
  return { preferred_key: preferred, derived_key: derived, random_key: randomId() };
}

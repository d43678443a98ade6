import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v4 as randomId } from 'uuid';
import { ApprovalRequestsService } from '../approvals/approval-requests.service.js';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { actingRole, assertOrgRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { sql, queueSql } from '../database/sql.js';
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
import { assertLineage } from './lineage.js';
import { isPriority, type Priority, rankOf } from './priority.js';
import type { Task } from './task.entity.js';

/** Routes tasks to roles. */
@Injectable()
export class TasksService {
  constructor(
    private readonly transactions: TransactionsService,
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
   * @throws DomainError the errors of {@link assertLineage}, `auth.role_ambiguous`, `auth.role_not_held` or
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
        await assertLineage(manager, agent, dto.parent_task_id, dto.target);
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
      };
      await insertTask(manager, routed);
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

type NewTask = Omit<Task, 'created_at' | 'idempotency_key'>;

/**
 * Inserts a task. Without a deadline the INSERT is queued and sent in one batch with the next statement.
 *
 * The database key `idempotency_key` is unique over all callers and permanently, longer than any idempotency record is
 * kept. So it is the client's idempotency key only if that is a free UUID. If two requests insert the same key at the
 * same time, the second one is a conflict: it is retried and finds the key in use.
 *
 * @throws InvalidInputError if the deadline is not in the future
 */
async function insertTask(manager: EntityManager, task: NewTask): Promise<void> {
  const key = findTaskKey(manager);
  const values = [
    task.id,
    task.task_type,
    task.description,
    task.from_role,
    task.to_role,
    task.data,
    task.context,
    task.trace_id,
    task.created_by,
    task.priority,
    task.deadline_at,
    task.max_attempts,
    task.max_run_seconds,
    task.parent_task_id,
    task.requires_approval,
    key?.preferred ?? null,
    key?.derived ?? null,
    randomId(),
  ];
  const conflictOn = { constraint: 'idx_tasks_idempotency_key' };
  if (task.deadline_at === null) {
    queueSql(manager, INSERT, values, conflictOn);
    return;
  }
  const inserted = await sql(manager, INSERT, values, conflictOn);
  if (inserted.length > 0) return;
  throw new InvalidInputError([
    { pointer: '/deadline_at', message: 'deadline_at must be in the future' },
  ]);
}

const IF_FREE = (id: string): string =>
  `(SELECT ${id}::uuid WHERE NOT EXISTS (SELECT 1 FROM tasks WHERE idempotency_key = ${id}))`;

/**
 * Inserts nothing if the deadline has passed.
 *
 * The candidates of the database key are not an array: the planner estimates the length of an array, so it would plan
 * each request again.
 */
const INSERT = `
  INSERT INTO tasks
    (id, task_type, description, from_role, to_role, data, context, trace_id, created_by,
     priority, deadline_at, max_attempts, max_run_seconds, parent_task_id, requires_approval, idempotency_key)
  SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
         coalesce(${IF_FREE('$16')}, ${IF_FREE('$17')}, $18)
   WHERE $11::timestamptz IS NULL OR $11 > clock_timestamp()
  RETURNING 1`;

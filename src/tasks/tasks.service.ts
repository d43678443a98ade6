import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { v4 as randomId, v7 as newId } from 'uuid';
import { AuditService } from '../audit/audit.service.js';
import type { Agent } from '../auth/agent.js';
import { actingRole, assertOrgRole } from '../auth/roles.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { Transactions } from '../database/transactions.js';
import { currentTraceId, requestContext } from '../observability/request-context.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { RouteTaskDto } from './dto/route-task.dto.js';
import { type RoutedTaskDto, toRoutedTask } from './dto/task.dto.js';
import type { Task } from './task.entity.js';

/** Routes work from role to role. */
@Injectable()
export class TasksService {
  constructor(
    private readonly transactions: Transactions,
    private readonly sessions: SessionsService,
    private readonly audit: AuditService,
    private readonly environment: Environment,
  ) {}

  /** Stores a task for a role and opens its first attempt. */
  async route(agent: Agent, dto: RouteTaskDto): Promise<RoutedTaskDto> {
    assertOrgRole(dto.target, this.environment.ROLES, '/target');
    const by = { role: actingRole(agent, dto.from_role), subject: agent.subject };
    const task = await this.transactions.run(async (manager) => {
      const routed = await insertTask(manager, {
        id: newId(),
        ...dto.task,
        context: dto.context,
        from_role: by.role,
        to_role: dto.target,
        created_by: by.subject,
        trace_id: currentTraceId(),
      });
      const { id: task_id, to_role, trace_id, created_by } = routed;
      const attempt = await this.sessions.openAttempt(manager, {
        task_id,
        to_role,
        trace_id,
        created_by,
        attempt: 1,
      });
      await this.audit.record(manager, {
        event_type: 'task_routed',
        trace_id,
        by,
        task_id,
        session_id: attempt.id,
        metadata: { to_role, task_type: routed.task_type, attempt: 1, version: attempt.version },
      });
      return routed;
    });
    return toRoutedTask(task);
  }
}

type NewTask = Omit<Task, 'created_at' | 'idempotency_key'>;

/**
 * Stores a task under the client's own key where that is a free UUID, else under another: `idempotency_key` is
 * unique over all callers and for ever, longer than any key is remembered.
 */
async function insertTask(manager: EntityManager, task: NewTask): Promise<Task> {
  const key = requestContext()?.taskKey;
  const candidates = [key?.preferred, key?.derived, randomId()].filter((id) => id !== undefined);
  for (const idempotency_key of candidates) {
    const [inserted] = await sql<Task>(manager, INSERT, [
      task.id,
      task.task_type,
      task.description,
      task.from_role,
      task.to_role,
      task.data,
      task.context,
      task.trace_id,
      task.created_by,
      idempotency_key,
    ]);
    if (inserted) return inserted;
  }
  throw new Error('a random UUID was taken');
}

const INSERT = `
  INSERT INTO tasks
    (id, task_type, description, from_role, to_role, data, context, trace_id, created_by, idempotency_key)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
  ON CONFLICT (idempotency_key) DO NOTHING
  RETURNING *`;

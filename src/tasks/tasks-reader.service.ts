import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ApprovalsReader } from '../approvals/approvals-reader.service.js';
import type { Agent } from '../auth/agent.js';
import { isStaff } from '../auth/policy.js';
import { Environment } from '../config/environment.js';
import { decodeCursor, keysetAt, pageOf } from '../database/keyset.js';
import { sql } from '../database/sql.js';
import { Transactions } from '../database/transactions.js';
import { Where } from '../database/where.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import { statusNow } from '../lifecycle/overdue.js';
import { getReadableTask, taskNotFound } from '../lifecycle/task-facts.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { ListTasksQuery } from './dto/list-tasks.query.js';
import { type TaskDetailDto, type TaskPageDto, type TaskRow, toTaskDto } from './dto/task.dto.js';

/** Finds tasks for those who take part in them, for auditors and for admins. */
@Injectable()
export class TasksReader {
  constructor(
    private readonly transactions: Transactions,
    private readonly expiry: ExpiryService,
    private readonly sessions: SessionsService,
    private readonly approvals: ApprovalsReader,
    private readonly environment: Environment,
  ) {}

  /** One task with its attempts and approvals. */
  async get(agent: Agent, id: string): Promise<TaskDetailDto> {
    const { session_id } = await this.transactions.read((manager) =>
      getReadableTask(manager, agent, id),
    );
    await this.expiry.expireIfOverdue(session_id);
    return this.transactions.read(async (manager) => {
      const [task] = await this.select(manager, new Where().and('t.id = ?', id), 1);
      if (!task) throw taskNotFound();
      return {
        ...toTaskDto(task),
        attempts: await this.sessions.attemptsOf(manager, id),
        approvals: await this.approvals.approvalsOf(manager, id),
      };
    });
  }

  /** A page of the tasks that the agent may see, the newest first. */
  async list(agent: Agent, query: ListTasksQuery): Promise<TaskPageDto> {
    const where = this.filter(agent, query);
    const found = await this.transactions.read((manager) =>
      this.select(manager, where, query.page_size + 1),
    );
    const { rows, next_cursor } = pageOf(found, query.page_size);
    return { tasks: rows.map(toTaskDto), page_size: query.page_size, next_cursor };
  }

  private async select(
    manager: EntityManager,
    where: Where,
    limit: number,
  ): Promise<(TaskRow & { keyset_at: string })[]> {
    const status = statusNow('a', where.bind(this.environment.SESSION_RETENTION_DAYS));
    return sql(
      manager,
      `SELECT t.*, a.id AS session_id, a.attempt, a.claimed_by, ${status} AS status,
              ${keysetAt('t.created_at')} AS keyset_at
         FROM tasks t ${HIGHEST_ATTEMPT} ${where.toString()}
        ORDER BY t.created_at DESC, t.id DESC LIMIT ${where.bind(limit)}`,
      where.parameters,
    );
  }

  private filter(agent: Agent, query: ListTasksQuery): Where {
    const where = new Where();
    if (!isStaff(agent)) where.and(TAKES_PART, agent.roles);
    where
      .and('t.to_role = ?', query.to_role)
      .and('t.from_role = ?', query.from_role)
      .and('t.task_type = ?', query.task_type)
      .and('t.trace_id = ?', query.trace_id)
      .and('t.created_at >= ?', query.created_since)
      .and(`${statusNow('a', '?')} = ?`, this.environment.SESSION_RETENTION_DAYS, query.status);
    if (query.cursor !== undefined) {
      const { at, id } = decodeCursor(query.cursor);
      where.and('(t.created_at, t.id) < (?::timestamptz, ?::uuid)', at, id);
    }
    return where;
  }
}

const HIGHEST_ATTEMPT = `
  JOIN LATERAL (
    SELECT s.* FROM sessions s
     WHERE s.task_id = t.id AND s.attempt IS NOT NULL
     ORDER BY s.attempt DESC LIMIT 1
  ) a ON true`;

const TAKES_PART = `EXISTS (
  SELECT 1 FROM task_participants p WHERE p.task_id = t.id AND p.role = ANY(?))`;

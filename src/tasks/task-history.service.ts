import { Injectable } from '@nestjs/common';
import type { AuditEvent } from '../audit/audit-event.entity.js';
import { AuditRepository } from '../audit/audit.repository.js';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { TransactionsService } from '../database/transactions.service.js';
import { getReadableTask } from '../lifecycle/task-summary.js';
import type { TaskNodeDto, TimelineDto, TimelineEntryDto } from './dto/task-history.dto.js';
import { currentStatus } from './task-view.sql.js';
import { TaskBlockersService } from './task-blockers.service.js';

const MAX_NODES = 1_000;
const MAX_EVENTS = 1_000;

/** Reads the timeline of a task and the tree of its subtasks. */
@Injectable()
export class TaskHistoryService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly events: AuditRepository,
    private readonly blockers: TaskBlockersService,
    private readonly environment: Environment,
  ) {}

  /**
   * Returns a task and its subtasks at all levels, at most 1,000 tasks. Tasks that the caller cannot read have only id and
   * status.
   *
   * @throws DomainError `task.not_found`
   */
  async tree(agent: Agent, id: string): Promise<TaskNodeDto> {
    return this.transactions.read(async (manager) => {
      await getReadableTask(manager, agent, id);
      const rows = await sql<NodeRow>(manager, TREE, [
        id,
        canReadEverything(agent) ? null : agent.roles,
        this.environment.SESSION_RETENTION_DAYS,
        MAX_NODES,
      ]);
      return assemble(id, rows);
    });
  }

  /**
   * Returns the audit events of a task, its attempts and its approvals, and what blocks the task now.
   *
   * @throws DomainError `task.not_found`
   */
  async timeline(agent: Agent, id: string): Promise<TimelineDto> {
    return this.transactions.read(async (manager) => {
      await getReadableTask(manager, agent, id);
      const events = await this.events.listOfTask(manager, id, MAX_EVENTS + 1);
      const entries = events.slice(0, MAX_EVENTS).map(toEntry);
      return {
        events: entries,
        complete: events.length <= MAX_EVENTS,
        waits_for: await this.blockers.of(manager, id, entries),
      };
    });
  }
}

interface NodeRow {
  id: string;
  parent_task_id: string | null;
  task_type: string;
  from_role: string;
  to_role: string;
  status: string;
  readable: boolean;
}

/**
 * Level by level. PostgreSQL evaluates only as many recursions as the LIMIT needs:
 * https://www.postgresql.org/docs/current/queries-with.html
 */
const TREE = `
  WITH RECURSIVE part AS (
    SELECT t.id, 1 AS depth FROM tasks t WHERE t.id = $1
    UNION ALL
    SELECT t.id, depth + 1 FROM tasks t JOIN part ON t.parent_task_id = part.id WHERE depth < 10
  )
  SELECT t.id, t.parent_task_id, t.task_type, t.from_role, t.to_role, ${currentStatus('$3')} AS status,
         ($2::text[] IS NULL OR EXISTS (
           SELECT 1 FROM task_participants p WHERE p.task_id = t.id AND p.role = ANY($2))) AS readable
    FROM (SELECT * FROM part LIMIT $4) part JOIN tasks t ON t.id = part.id
    JOIN LATERAL (
      SELECT s.* FROM sessions s
       WHERE s.task_id = t.id AND s.attempt IS NOT NULL ORDER BY s.attempt DESC LIMIT 1
    ) a ON true
   ORDER BY part.depth, t.created_at, t.id`;

function assemble(rootId: string, rows: readonly NodeRow[]): TaskNodeDto {
  const nodes = new Map(rows.map((row) => [row.id, toNode(row)]));
  for (const { id, parent_task_id } of rows) {
    const node = nodes.get(id);
    if (node && id !== rootId) nodes.get(parent_task_id ?? '')?.children.push(node);
  }
  const root = nodes.get(rootId);
  if (!root) throw new Error('a tree has its root');
  return root;
}

function toNode({ id, status, readable, task_type, from_role, to_role }: NodeRow): TaskNodeDto {
  return { id, status, ...(readable && { task_type, from_role, to_role }), children: [] };
}

function toEntry({
  timestamp,
  event_type,
  role,
  actor,
  metadata,
  ...about
}: AuditEvent): TimelineEntryDto {
  const { from, to, reason, decision, told, cause, not_before, until_approval } = metadata;
  const became = to ?? decision;
  return {
    at: timestamp,
    event: event_type,
    role,
    actor,
    ...(typeof from === 'string' && { from }),
    ...(typeof became === 'string' && { to: became }),
    ...(typeof reason === 'string' && { reason }),
    ...(typeof told === 'string' && { told }),
    ...(typeof cause === 'string' && { cause }),
    ...(typeof not_before === 'string' && { not_before }),
    ...(typeof until_approval === 'string' && { until_approval }),
    session_id: about.session_id,
    approval_id: about.approval_id,
  };
}

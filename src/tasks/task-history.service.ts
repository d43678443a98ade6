import { Injectable } from '@nestjs/common';
import type { AuditEvent } from '../audit/audit-event.entity.js';
import { AuditRepository } from '../audit/audit.repository.js';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { TransactionsService } from '../database/transactions.service.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import type { TaskNodeDto, TimelineDto, TimelineEntryDto } from './dto/task-history.dto.js';
import { TaskBlockersService } from './task-blockers.service.js';
import { TaskTreesRepository, type TreeNode } from './task-trees.repository.js';

const MAX_NODES = 1_000;
const MAX_EVENTS = 1_000;

/** Reads the timeline of a task and the tree of its subtasks. */
@Injectable()
export class TaskHistoryService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly events: AuditRepository,
    private readonly blockers: TaskBlockersService,
    private readonly trees: TaskTreesRepository,
  ) {}

  /**
   * Returns a task and its subtasks at all levels, at most 1,000 tasks. Tasks that the caller cannot read have only id and
   * status.
   *
   * @throws DomainError `task.not_found`
   */
  async tree(agent: Agent, id: string): Promise<TaskNodeDto> {
    return this.transactions.read(async (manager) => {
      await this.taskStates.getReadable(manager, agent, id);
      const roles = canReadEverything(agent) ? null : agent.roles;
      return assemble(id, await this.trees.list(manager, id, roles, MAX_NODES));
    });
  }

  /**
   * Returns the audit events of a task, its attempts and its approvals, and what blocks the task now.
   *
   * @throws DomainError `task.not_found`
   */
  async timeline(agent: Agent, id: string): Promise<TimelineDto> {
    return this.transactions.read(async (manager) => {
      await this.taskStates.getReadable(manager, agent, id);
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

function assemble(rootId: string, rows: readonly TreeNode[]): TaskNodeDto {
  const nodes = new Map(rows.map((row) => [row.id, toNode(row)]));
  for (const { id, parent_task_id } of rows) {
    const node = nodes.get(id);
    if (node && id !== rootId) nodes.get(parent_task_id ?? '')?.children.push(node);
  }
  const root = nodes.get(rootId);
  if (!root) throw new Error('a tree has its root');
  return root;
}

function toNode({ id, status, readable, task_type, from_role, to_role }: TreeNode): TaskNodeDto {
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

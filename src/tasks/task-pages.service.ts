import { Injectable } from '@nestjs/common';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { decodeCursor, type Keyset, toPage } from '../database/keyset.js';
import { ListReadsService } from '../database/replica/list-reads.service.js';
import type { ListTasksQuery } from './dto/list-tasks.query.js';
import { toTaskDto } from './dto/task.dto.js';
import type { TaskPageDto } from './dto/task-page.dto.js';
import { rankOf } from './priority.js';
import { type InboxFilter, InboxRepository } from './inbox.repository.js';
import { type TaskFilter, TaskListsRepository, type TaskRow } from './task-lists.repository.js';

/** Lists tasks for their participants, auditors and admins. */
@Injectable()
export class TaskPagesService {
  constructor(
    private readonly reads: ListReadsService,
    private readonly lists: TaskListsRepository,
    private readonly inbox: InboxRepository,
  ) {}

  /**
   * Returns a page of the tasks that the caller can see, newest first. With `to_role` and status `pending` the page is the
   * inbox of the role instead: its due tasks by priority, then age.
   */
  async list(agent: Agent, query: ListTasksQuery): Promise<TaskPageDto> {
    const { to_role, status } = query;
    const filter = filterOf(agent, query);
    const isInbox = to_role !== undefined && status === 'pending' && !query.claimed_by;
    return isInbox
      ? this.inboxPage({ ...filter, to_role }, query)
      : this.page({ ...filter, to_role, status }, query);
  }

  private async page(
    filter: Omit<TaskFilter, 'after'>,
    { cursor, page_size }: ListTasksQuery,
  ): Promise<TaskPageDto> {
    const after = cursor === undefined ? undefined : decodeCursor('tasks', cursor);
    const found = await this.reads.read((manager) =>
      this.lists.list(manager, { ...filter, after }, page_size + 1),
    );
    const { rows, next_cursor } = toPage('tasks', found, page_size);
    return { tasks: rows.map(toTaskDto), page_size, next_cursor };
  }

  private async inboxPage(
    filter: Omit<InboxFilter, 'after'>,
    { cursor, page_size }: ListTasksQuery,
  ): Promise<TaskPageDto> {
    const after = cursor === undefined ? undefined : decodeCursor('inbox', cursor);
    const found = await this.reads.read((manager) =>
      this.inbox.list(manager, { ...filter, after }, page_size + 1),
    );
    const { rows, next_cursor } = toPage('inbox', found, page_size, inboxCursorKeyOf);
    return { tasks: rows.map(toTaskDto), page_size, next_cursor };
  }
}

function filterOf(
  agent: Agent,
  { from_role, task_type, trace_id, created_since, claimed_by }: ListTasksQuery,
): Omit<TaskFilter, 'to_role' | 'status' | 'after'> {
  const participants = canReadEverything(agent) ? undefined : agent.roles;
  const subject = claimed_by && agent.subject;
  return { participants, from_role, task_type, trace_id, created_since, claimed_by: subject };
}

/** Returns the place of a task in the inbox: the id and priority of its attempt. */
function inboxCursorKeyOf({ session_id, priority }: TaskRow): Omit<Keyset, 'at'> {
  return { id: session_id, sortRank: rankOf(priority) };
}

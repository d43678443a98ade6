import { Injectable } from '@nestjs/common';
import { ApprovalsReaderService } from '../approvals/approvals-reader.service.js';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { decodeCursor, type Keyset, toPage } from '../database/keyset.js';
import { TransactionsService } from '../database/transactions.service.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import { TaskStatesService } from '../lifecycle/task-states.service.js';
import { SessionsReaderService } from '../sessions/sessions-reader.service.js';
import type { ListTasksQuery } from './dto/list-tasks.query.js';
import { type TaskDetailDto, type TaskPageDto, toTaskDto } from './dto/task.dto.js';
import { rankOf } from './priority.js';
import { type InboxFilter, InboxRepository } from './inbox.repository.js';
import { type TaskFilter, TaskListsRepository, type TaskRow } from './task-lists.repository.js';

/** Reads tasks for their participants, auditors and admins. */
@Injectable()
export class TasksReaderService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly taskStates: TaskStatesService,
    private readonly expiry: ExpiryService,
    private readonly sessions: SessionsReaderService,
    private readonly approvals: ApprovalsReaderService,
    private readonly lists: TaskListsRepository,
    private readonly inbox: InboxRepository,
  ) {}

  /**
   * Returns one task with its attempts and approvals.
   *
   * @throws DomainError `task.not_found`
   */
  async get(agent: Agent, id: string): Promise<TaskDetailDto> {
    const { session_id } = await this.transactions.read((manager) =>
      this.taskStates.getReadable(manager, agent, id),
    );
    await this.expiry.expireIfOverdue(session_id);
    return this.transactions.read(async (manager) => {
      const task = await this.lists.get(manager, id);
      const [attempts, approvals] = await Promise.all([
        this.sessions.listAttempts(manager, id),
        this.approvals.listOfTask(manager, id),
      ]);
      return {
        ...toTaskDto(task),
        attempts: attempts.rows,
        approvals: approvals.rows,
        complete: !attempts.isTruncated && !approvals.isTruncated,
      };
    });
  }

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
    const found = await this.transactions.read((manager) =>
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
    const found = await this.transactions.read((manager) =>
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

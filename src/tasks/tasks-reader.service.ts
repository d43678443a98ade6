import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { toClaimApprovalDto } from '../approvals/dto/approval-context.dto.js';
import { ApprovalsReaderService } from '../approvals/approvals-reader.service.js';
import type { Agent } from '../auth/agent.js';
import { canReadEverything } from '../auth/policy.js';
import { Environment } from '../config/environment.js';
import { decodeCursor, type Keyset, toPage } from '../database/keyset.js';
import { TransactionsService } from '../database/transactions.service.js';
import { WhereClause } from '../database/where-clause.js';
import { ExpiryService } from '../lifecycle/expiry.service.js';
import { getReadableTask, taskNotFound } from '../lifecycle/task-summary.js';
import { SessionsService } from '../sessions/sessions.service.js';
import type { ListTasksQuery } from './dto/list-tasks.query.js';
import { type TaskDetailDto, type TaskPageDto, type TaskDto, toTaskDto } from './dto/task.dto.js';
import type { ClaimedTaskDto } from './dto/claim.dto.js';
import { rankOf } from './priority.js';
import {
  BY_URGENCY,
  currentStatus,
  type TaskRow,
  selectClaimApprovals,
  selectInbox,
  selectTasks,
} from './task-rows.js';

/** Reads tasks for their participants, auditors and admins. */
@Injectable()
export class TasksReaderService {
  constructor(
    private readonly transactions: TransactionsService,
    private readonly expiry: ExpiryService,
    private readonly sessions: SessionsService,
    private readonly approvals: ApprovalsReaderService,
    private readonly environment: Environment,
  ) {}

  /**
   * Returns the present state of one task, without its attempts.
   *
   * @throws DomainError `task.not_found`
   */
  async getTask(agent: Agent, id: string): Promise<TaskDto> {
    return this.transactions.read(async (manager) => {
      await getReadableTask(manager, agent, id);
      return toTaskDto(await this.select(manager, id));
    });
  }

  /**
   * Returns the present state of one task with its latest approvals, as in the response to a claim.
   *
   * @throws DomainError `task.not_found`
   */
  async getClaimed(agent: Agent, id: string): Promise<TaskDto & Pick<ClaimedTaskDto, 'approvals'>> {
    return this.transactions.read(async (manager) => {
      await getReadableTask(manager, agent, id);
      const [task, approvals] = await Promise.all([
        this.select(manager, id),
        selectClaimApprovals(manager, id),
      ]);
      return { ...toTaskDto(task), approvals: approvals.map(toClaimApprovalDto) };
    });
  }

  private async select(manager: EntityManager, id: string): Promise<TaskRow> {
    const where = new WhereClause().and('t.id = ?', id);
    const days = this.environment.SESSION_RETENTION_DAYS;
    const [task] = (await selectTasks(manager, where, days, 1)).rows;
    if (!task) throw taskNotFound();
    return task;
  }

  /**
   * Returns one task with its attempts and approvals.
   *
   * @throws DomainError `task.not_found`
   */
  async get(agent: Agent, id: string): Promise<TaskDetailDto> {
    const { session_id } = await this.transactions.read((manager) =>
      getReadableTask(manager, agent, id),
    );
    await this.expiry.expireIfOverdue(session_id);
    return this.transactions.read(async (manager) => {
      const task = await this.select(manager, id);
      const [attempts, approvals] = await Promise.all([
        this.sessions.attemptsOf(manager, id),
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
    const isInbox = query.to_role !== undefined && query.status === 'pending';
    const where = filter(agent, query, isInbox);
    const days = this.environment.SESSION_RETENTION_DAYS;
    const limit = query.page_size + 1;
    if (isInbox) afterInInbox(where, query);
    else afterInList(where, query, days);
    const found = await this.transactions.read((manager) =>
      (isInbox ? selectInbox : selectTasks)(manager, where, days, limit),
    );
    const { rows, next_cursor } = isInbox
      ? toPage('inbox', found, query.page_size, inboxCursorKeyOf)
      : toPage('tasks', found, query.page_size);
    return { tasks: rows.map(toTaskDto), page_size: query.page_size, next_cursor };
  }
}

function filter(agent: Agent, query: ListTasksQuery, isInbox: boolean): WhereClause {
  const where = new WhereClause();
  const { roles } = agent;
  if (!canReadEverything(agent)) where.and(TAKES_PART, roles, roles, roles);
  return where
    .and(isInbox ? INBOX_OF : 't.to_role = ?', query.to_role)
    .and('t.from_role = ?', query.from_role)
    .and(isInbox ? 'a.task_type = ?' : 't.task_type = ?', query.task_type)
    .and('t.trace_id = ?', query.trace_id)
    .and('t.created_at >= ?', query.created_since);
}

/** Returns the place of a task in the inbox: the id and priority of its attempt. */
function inboxCursorKeyOf({ session_id, priority }: TaskRow): Omit<Keyset, 'at'> {
  return { id: session_id, sortRank: rankOf(priority) };
}

function afterInInbox(where: WhereClause, { cursor }: ListTasksQuery): void {
  if (cursor === undefined) return;
  const { at, id, sortRank = 0 } = decodeCursor('inbox', cursor);
  where.and(`(${BY_URGENCY}) > (?::smallint, ?::timestamptz, ?::uuid)`, -sortRank, at, id);
}

function afterInList(where: WhereClause, { status, cursor }: ListTasksQuery, days: number): void {
  where.and(`${currentStatus('?')} = ?`, days, status);
  if (cursor === undefined) return;
  const { at, id } = decodeCursor('tasks', cursor);
  where.and('(t.created_at, t.id) < (?::timestamptz, ?::uuid)', at, id);
}

/** The subquery hides the role from the planner: with a role that has few tasks, it would plan each request again. */
const INBOX_OF = 'a.role = (SELECT ?::text)';

/** Same condition as the view `task_participants`, in a form that PostgreSQL evaluates task by task. */
const TAKES_PART = `(t.from_role = ANY(?) OR t.to_role = ANY(?)
  OR (SELECT true FROM approvals p WHERE p.task_id = t.id AND p.approver_role = ANY(?) LIMIT 1))`;

import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { type CursorRow, type Keyset, keysetAt } from '../database/keyset.js';
import { MERGED_COLUMNS, mergeRanges } from '../database/merged-ranges.js';
import { type RowPage, sqlPage } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import type { TaskStatus } from '../lifecycle/task-status.js';
import { expectTask } from '../lifecycle/task-summary.js';
import type { TaskView } from './task-view.js';
import { type RoleFilter, TaskRanges } from './task-ranges.sql.js';
import { currentStatus, LATEST_ATTEMPT, TAKES_PART, TASK_COLUMNS } from './task-view.sql.js';

/** A row of a list of tasks. */
export type TaskRow = TaskView & CursorRow;

/** Selects tasks of a list. A member that is undefined selects all. */
export interface TaskFilter {
  /** Tasks in which one of these roles is a participant. */
  participants: readonly string[] | undefined;
  to_role: string | undefined;
  from_role: string | undefined;
  task_type: string | undefined;
  trace_id: string | undefined;
  created_since: string | undefined;
  status: TaskStatus | undefined;
  /** Tasks whose latest attempt this subject claimed. */
  claimed_by: string | undefined;
  after: Keyset | undefined;
}

/** Reads tasks with the status and the facts of their latest attempts. */
@Injectable()
export class TaskListsRepository {
  constructor(private readonly environment: Environment) {}

  /** Returns the first tasks that the filter selects, newest first. */
  list(manager: EntityManager, filter: TaskFilter, limit: number): Promise<RowPage<TaskRow>> {
    return filter.trace_id === undefined
      ? this.merge(manager, filter, limit)
      : this.select(manager, this.whereOf(filter), limit);
  }

  /** Returns one task that is known to exist. */
  async get(manager: EntityManager, id: string): Promise<TaskRow> {
    const { rows } = await this.select(manager, new WhereClause().and('t.id = ?', id), 1);
    return expectTask(rows);
  }

  private merge(
    manager: EntityManager,
    filter: RoleFilter,
    limit: number,
  ): Promise<RowPage<TaskRow>> {
    const where = new WhereClause();
    const days = where.bind(this.environment.SESSION_RETENTION_DAYS);
    const ranges = new TaskRanges(filter, where, days).all();
    const text = `
      SELECT ${columns(currentStatus(days))}, ${MERGED_COLUMNS}
        FROM (${mergeRanges(ranges, 'DESC', limit)}) m
        JOIN tasks t ON t.id = m.id JOIN ${LATEST_ATTEMPT}
       ORDER BY m.at DESC, m.id DESC LIMIT ${where.bind(limit)}`;
    return sqlPage(manager, text, where.parameters);
  }

  private whereOf({ participants, status, after, ...filter }: TaskFilter): WhereClause {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    return new WhereClause()
      .and(TAKES_PART, participants, participants, participants)
      .and('t.to_role = ?', filter.to_role)
      .and('t.from_role = ?', filter.from_role)
      .and('t.task_type = ?', filter.task_type)
      .and('t.trace_id = ?', filter.trace_id)
      .and('t.created_at >= ?', filter.created_since)
      .and('a.claimed_by = ?', filter.claimed_by)
      .and(`${currentStatus('?')} = ?`, days, status)
      .and('(t.created_at, t.id) < (?::timestamptz, ?::uuid)', after?.at, after?.id);
  }

  private select(
    manager: EntityManager,
    where: WhereClause,
    limit: number,
  ): Promise<RowPage<TaskRow>> {
    const status = currentStatus(where.bind(this.environment.SESSION_RETENTION_DAYS));
    const text = `
      SELECT ${columns(status)}
        FROM tasks t JOIN ${LATEST_ATTEMPT} ${where.toString()}
       ORDER BY t.created_at DESC, t.id DESC LIMIT ${where.bind(limit)}`;
    return sqlPage(manager, text, where.parameters);
  }
}

function columns(status: string): string {
  return `${TASK_COLUMNS}, a.id AS session_id, a.attempt, a.claimed_by, a.parked_for, ${status} AS status,
             ${keysetAt('t.created_at')} AS keyset_at`;
}

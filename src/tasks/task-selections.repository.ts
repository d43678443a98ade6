import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { sql } from '../database/sql.js';
import { WhereClause } from '../database/where-clause.js';
import type { TaskStatus } from '../lifecycle/task-status.js';
import { EACH_ASSIGNEE } from './task-ranges.sql.js';

/** Selects the tasks of a change of many. A member that is undefined selects all. */
export interface TaskSelection {
  statuses: readonly TaskStatus[];
  /** Tasks that one of these roles requested. */
  requesters: readonly string[] | undefined;
  to_role: string | undefined;
  task_type: string | undefined;
  trace_id: string | undefined;
  created_since: string | undefined;
  created_before: string | undefined;
}

/** A selected task. `status` is the stored one. */
export interface SelectedTask {
  id: string;
  task_type: string;
  from_role: string;
  to_role: string;
  status: TaskStatus;
  created_at: Date;
}

/** Selects and locks the tasks that one request changes. */
@Injectable()
export class TaskSelectionsRepository {
  /** Returns the first tasks of a selection, oldest first. Reads one range of an index for each role and status. */
  list(manager: EntityManager, selection: TaskSelection, limit: number): Promise<SelectedTask[]> {
    const { statuses, requesters, to_role, ...filter } = selection;
    const where = new WhereClause();
    const [column, roles] = requesters
      ? ['from_role', eachOf(where.bind(requesters))]
      : ['role', to_role === undefined ? EACH_ASSIGNEE : eachOf(where.bind([to_role]))];
    const stored = where.bind(statuses);
    const range = new WhereClause(where)
      .and(`a.${column} = k.role AND a.task_status = s.status`)
      .and('a.role = ?', to_role)
      .and('a.task_type = ?', filter.task_type)
      .and('a.task_id IN (SELECT t.id FROM tasks t WHERE t.trace_id = ?)', filter.trace_id)
      .and('a.task_created_at >= ?', filter.created_since)
      .and('a.task_created_at < ?', filter.created_before);
    const most = where.bind(limit);
    const text = `
      SELECT a.* FROM ${roles} CROSS JOIN unnest(${stored}::text[]) AS s(status) CROSS JOIN LATERAL (
        SELECT a.task_id AS id, a.task_type, a.from_role, a.role AS to_role, a.task_status AS status,
               a.task_created_at AS created_at
          FROM sessions a ${range.toString()}
         ORDER BY a.task_created_at, a.task_id LIMIT ${most}
      ) a
       ORDER BY a.created_at, a.id LIMIT ${most}`;
    return sql(manager, text, where.parameters);
  }

  /**
   * Locks the latest attempts of tasks, in the order in which all changes of many tasks lock them. An attempt that another
   * transaction opens meanwhile is not locked.
   */
  async lockAttempts(manager: EntityManager, taskIds: readonly string[]): Promise<void> {
    await sql(manager, LOCK_ATTEMPTS, [taskIds]);
  }
}

/** FROM item of the roles of a placeholder. */
function eachOf(roles: string): string {
  return `unnest(${roles}::text[]) AS k(role)`;
}

const LOCK_ATTEMPTS = `
  SELECT 1 FROM sessions WHERE task_id = ANY($1::uuid[]) AND task_status IS NOT NULL ORDER BY id FOR UPDATE`;

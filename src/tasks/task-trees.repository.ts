import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Environment } from '../config/environment.js';
import { sql } from '../database/sql.js';
import { statement } from '../database/statement.js';
import { statusNow } from '../lifecycle/overdue.sql.js';
import type { LifecycleSession } from '../lifecycle/session-transition.js';
import { currentStatus, LATEST_ATTEMPT } from './task-view.sql.js';

/** A task in a tree, with its current status. */
export interface TreeNode {
  id: string;
  parent_task_id: string | null;
  task_type: string;
  from_role: string;
  to_role: string;
  status: string;
  /** Whether one of the given roles is a participant of the task. */
  readable: boolean;
}

/** The open attempt of a task in the tree of a cascade. */
export interface OpenAttempt extends LifecycleSession {
  readonly task_id: string;
  /** Whether the cancelling role routed the task, directly or through the chain. Otherwise only an admin can cancel it. */
  readonly is_routed: boolean;
}

/** Reads and locks tasks with their ancestors and subtasks. */
@Injectable()
export class TaskTreesRepository {
  constructor(private readonly environment: Environment) {}

  /**
   * Returns a task and its subtasks, level by level.
   *
   * @param roles the roles that decide what is readable; null for everything
   */
  list(
    manager: EntityManager,
    id: string,
    roles: readonly string[] | null,
    limit: number,
  ): Promise<TreeNode[]> {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    return sql(manager, ...TREE({ id, roles, days, limit }));
  }

  /** Returns the roles to which a task and its ancestors are assigned, from the task upwards, at most `limit`. */
  async listAncestorRoles(manager: EntityManager, id: string, limit: number): Promise<string[]> {
    const chain = await sql<{ to_role: string }>(manager, CHAIN, [id, limit]);
    return chain.map(({ to_role }) => to_role);
  }

  /**
   * Locks a task for a new subtask. A cascade locks the tasks that it cancels. So a cascade that cancels the parent either
   * commits before this transaction reads the status, or finds the new task.
   */
  async lockParent(manager: EntityManager, id: string): Promise<void> {
    await sql(manager, LOCK_PARENT, [id]);
  }

  /**
   * Returns the open attempts of a task and its descendants that belong to a cascade. A task belongs to the cascade if
   * `role` routed it, or if its parent belongs to the cascade and the role of the parent (`to_role`) routed it. The
   * recursion continues below tasks that have ended or do not belong to the cascade.
   *
   * @param forAdmin whether to return the open attempts of tasks outside of the cascade too
   */
  listOpenAttempts(
    manager: EntityManager,
    cascade: { id: string; role: string; forAdmin: boolean },
    limit: number,
  ): Promise<OpenAttempt[]> {
    const { SESSION_RETENTION_DAYS: days } = this.environment;
    return sql(manager, ...OPEN({ ...cascade, days, limit }));
  }

  /**
   * Locks attempts and their tasks, each in the order of their ids. Returns false if some are not locked: with `SKIP
   * LOCKED`, another transaction has them.
   */
  async lockAll(
    manager: EntityManager,
    attempts: readonly OpenAttempt[],
    wait: '' | 'SKIP LOCKED',
  ): Promise<boolean> {
    const sessions = attempts.map(({ id }) => id);
    const tasks = attempts.map(({ task_id }) => task_id);
    const found = await Promise.all([
      sql(manager, `${LOCK_SESSIONS} ${wait}`, [sessions]),
      sql(manager, `${LOCK_TASKS} ${wait}`, [tasks]),
    ]);
    return found.every(({ length }) => length === attempts.length);
  }
}

interface TreeOf {
  id: string;
  roles: readonly string[] | null;
  days: number;
  limit: number;
}

/**
 * PostgreSQL evaluates only as many recursions as the LIMIT needs:
 * https://www.postgresql.org/docs/current/queries-with.html
 */
const TREE = statement<TreeOf>(
  ({ id, roles, days, limit }) => `
  WITH RECURSIVE part AS (
    SELECT t.id, 1 AS depth FROM tasks t WHERE t.id = ${id}
    UNION ALL
    SELECT t.id, depth + 1 FROM tasks t JOIN part ON t.parent_task_id = part.id WHERE depth < 10
  )
  SELECT t.id, t.parent_task_id, t.task_type, t.from_role, t.to_role, ${currentStatus(days)} AS status,
         (${roles}::text[] IS NULL OR EXISTS (
           SELECT 1 FROM task_participants p WHERE p.task_id = t.id AND p.role = ANY(${roles}))) AS readable
    FROM (SELECT * FROM part LIMIT ${limit}) part JOIN tasks t ON t.id = part.id
    JOIN ${LATEST_ATTEMPT}
   ORDER BY part.depth, t.created_at, t.id`,
);

/** Selects the task and its ancestors. Tasks never change, so the chain has no cycle. */
const CHAIN = `
  WITH RECURSIVE chain AS (
    SELECT parent_task_id, to_role, 1 AS depth FROM tasks WHERE id = $1
    UNION ALL
    SELECT t.parent_task_id, t.to_role, depth + 1
      FROM tasks t JOIN chain ON t.id = chain.parent_task_id WHERE depth < $2
  )
  SELECT to_role FROM chain`;

const LOCK_PARENT = `SELECT 1 FROM tasks WHERE id = $1 FOR KEY SHARE`;

interface OpenOf {
  id: string;
  role: string;
  forAdmin: boolean;
  days: number;
  limit: number;
}

const OPEN = statement<OpenOf>(
  ({ id, role, forAdmin, days, limit }) => `
  WITH RECURSIVE tree AS (
    SELECT id, to_role, true AS is_routed, 0 AS depth FROM tasks WHERE id = ${id}
    UNION ALL
    SELECT t.id, t.to_role, t.from_role = ${role} OR (tree.is_routed AND t.from_role = tree.to_role), depth + 1
      FROM tasks t JOIN tree ON t.parent_task_id = tree.id
  )
  SELECT a.id, a.status, a.version, a.task_id, a.trace_id, a.attempt, a.claimed_by, tree.is_routed
    FROM tree
    JOIN sessions a ON a.task_id = tree.id AND a.attempt IS NOT NULL AND a.status IN ('pending', 'active')
   WHERE (tree.is_routed OR ${forAdmin}) AND ${statusNow('a', days)} <> 'expired'
   ORDER BY tree.depth, a.task_id LIMIT ${limit}`,
);

const LOCK_SESSIONS = `SELECT 1 FROM sessions WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE`;

/** FOR UPDATE conflicts with the FOR KEY SHARE lock that routing a subtask takes on its parent. */
const LOCK_TASKS = `SELECT 1 FROM tasks WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE`;

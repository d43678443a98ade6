import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { Actor } from '../auth/actor.js';
import type { Agent } from '../auth/agent.js';
import { Environment } from '../config/environment.js';
import { ConcurrentUpdateError } from '../database/postgres-errors.js';
import { sql } from '../database/sql.js';
import { DomainError } from '../errors/domain-error.js';
import { LifecycleService } from '../lifecycle/lifecycle.service.js';
import type { LifecycleSession } from '../lifecycle/session-transition.js';
import { statusNow } from '../lifecycle/overdue.js';
import { cancelAttempt } from './cancel-attempt.js';

/** Maximum number of open tasks that one cascade cancels, including the root. */
const MAX_TASKS = 200;

/** A request to cancel a task and the open tasks below it. */
export interface Cancellation {
  agent: Agent;
  taskId: string;
  by: Actor;
  reason: string | undefined;
}

/** The open attempt of a task in the tree of the root. */
interface OpenAttempt extends LifecycleSession {
  readonly task_id: string;
  /** Whether the cancelling role routed the task, directly or through the chain. Otherwise only an admin can cancel it. */
  readonly is_routed: boolean;
}

/** Cancels a task and those of its open descendants that the cancelling role routed, directly or through the chain. */
@Injectable()
export class CascadesService {
  constructor(
    private readonly lifecycle: LifecycleService,
    private readonly environment: Environment,
  ) {}

  /**
   * Cancels the open tasks of a cascade and records an audit event for each.
   *
   * @returns the ids of the cancelled tasks, the root first; empty if the root is not open, and then nothing is cancelled
   * @throws DomainError `task.cascade_limit`
   */
  async cancel(manager: EntityManager, cancellation: Cancellation): Promise<string[]> {
    const open = await this.lockOpen(manager, cancellation);
    const { taskId, agent, by, reason } = cancellation;
    for (const attempt of open) {
      const isRoot = attempt.task_id === taskId;
      const actor = attempt.is_routed ? by : { role: 'admin', subject: agent.subject };
      await cancelAttempt(this.lifecycle, manager, attempt, actor, {
        told: reason,
        ...(!isRoot && { cause: taskId }),
      });
    }
    return open.map(({ task_id }) => task_id);
  }

  /**
   * Locks the open attempts and then their tasks, each in the order of their ids. The task locks prevent new subtasks, so
   * the scan is repeated until every attempt it finds is locked. Repeated scans must not wait for a lock: they already
   * have task locks and request session locks, the opposite of the usual order, which could deadlock.
   */
  private async lockOpen(
    manager: EntityManager,
    cancellation: Cancellation,
  ): Promise<readonly OpenAttempt[]> {
    const locked = new Set<string>();
    for (;;) {
      const open = await this.selectOpen(manager, cancellation);
      if (open[0]?.task_id !== cancellation.taskId) return this.notOpen(locked);
      if (open.length > MAX_TASKS) throw cascadeLimit();
      const added = open.filter(({ id }) => !locked.has(id));
      if (added.length === 0) return open;
      await lockAll(manager, added, locked.size === 0 ? '' : 'SKIP LOCKED');
      for (const { id } of added) locked.add(id);
    }
  }

  private notOpen({ size }: ReadonlySet<string>): readonly OpenAttempt[] {
    // The root ended while this transaction waited for its lock.
    if (size > 0) throw new ConcurrentUpdateError();
    return [];
  }

  private async selectOpen(
    manager: EntityManager,
    { agent, taskId, by }: Cancellation,
  ): Promise<OpenAttempt[]> {
    return sql<OpenAttempt>(manager, OPEN, [
      taskId,
      by.role,
      agent.roles.includes('admin'),
      this.environment.SESSION_RETENTION_DAYS,
      MAX_TASKS + 1,
    ]);
  }
}

async function lockAll(
  manager: EntityManager,
  attempts: readonly OpenAttempt[],
  wait: '' | 'SKIP LOCKED',
): Promise<void> {
  const sessions = attempts.map(({ id }) => id);
  const tasks = attempts.map(({ task_id }) => task_id);
  const found = await Promise.all([
    sql(manager, `${LOCK_SESSIONS} ${wait}`, [sessions]),
    sql(manager, `${LOCK_TASKS} ${wait}`, [tasks]),
  ]);
  if (found.some(({ length }) => length < attempts.length)) throw new ConcurrentUpdateError();
}

function cascadeLimit(): DomainError {
  return new DomainError(
    'task.cascade_limit',
    `The cascade would cancel more than ${MAX_TASKS} open tasks. Nothing was cancelled. Cancel the subtasks of this task first.`,
  );
}

/**
 * Selects the open attempts of the root and its descendants. A task belongs to the cascade if the cancelling role routed
 * it, or if its parent belongs to the cascade and the role of the parent (`to_role`) routed it. The recursion continues
 * below tasks that have ended or do not belong to the cascade.
 */
const OPEN = `
  WITH RECURSIVE tree AS (
    SELECT id, to_role, true AS is_routed, 0 AS depth FROM tasks WHERE id = $1
    UNION ALL
    SELECT t.id, t.to_role, t.from_role = $2 OR (tree.is_routed AND t.from_role = tree.to_role), depth + 1
      FROM tasks t JOIN tree ON t.parent_task_id = tree.id
  )
  SELECT a.id, a.status, a.version, a.task_id, a.trace_id, a.attempt, a.claimed_by, tree.is_routed
    FROM tree
    JOIN sessions a ON a.task_id = tree.id AND a.attempt IS NOT NULL AND a.status IN ('pending', 'active')
   WHERE (tree.is_routed OR $3) AND ${statusNow('a', '$4')} <> 'expired'
   ORDER BY tree.depth, a.task_id LIMIT $5`;

const LOCK_SESSIONS = `SELECT 1 FROM sessions WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE`;

/** FOR UPDATE conflicts with the FOR KEY SHARE lock that routing a subtask takes on its parent. */
const LOCK_TASKS = `SELECT 1 FROM tasks WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE`;

import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { sql } from '../database/sql.js';
import { DomainError } from '../errors/domain-error.js';
import { getReadableTask } from '../lifecycle/task-summary.js';

/** Maximum number of tasks in a chain of subtasks, and of those that are assigned to the same role. */
const MAX_DEPTH = 8;
const MAX_SAME_ROLE = 5;

/**
 * Asserts that a task for the role `target` can be a subtask of the task `parentId`.
 *
 * @throws DomainError `task.not_found` if the caller cannot read the parent, `task.cancelled` if the parent is cancelled,
 *   `task.delegation_loop` if the chain would become too long or assign too many tasks to one role
 */
export async function assertLineage(
  manager: EntityManager,
  agent: Agent,
  parentId: string,
  target: string,
): Promise<void> {
  const [, parent] = await Promise.all([
    sql(manager, LOCK_PARENT, [parentId]),
    getReadableTask(manager, agent, parentId),
  ]);
  if (parent.status === 'cancelled') {
    throw new DomainError(
      'task.cancelled',
      'The task parent_task_id was cancelled. Route the task without parent_task_id, or do not route it.',
    );
  }
  const chain = await sql<{ to_role: string }>(manager, CHAIN, [parentId, MAX_DEPTH]);
  if (chain.length + 1 > MAX_DEPTH) {
    throw new DomainError(
      'task.delegation_loop',
      `The chain of tasks from parent_task_id upwards already has ${MAX_DEPTH} tasks, which is the maximum. Do the work yourself, or route it without parent_task_id.`,
    );
  }
  const asked = chain.filter(({ to_role }) => to_role === target).length + 1;
  if (asked > MAX_SAME_ROLE) {
    const detail = `The chain of tasks from parent_task_id upwards already has ${MAX_SAME_ROLE} tasks that are assigned to the role target, which is the maximum. Do the work yourself, or route it without parent_task_id.`;
    throw new DomainError('task.delegation_loop', detail);
  }
}

/**
 * A cascade locks the tasks that it cancels. So a cascade that cancels the parent either commits before this transaction
 * reads the status, or finds the new task.
 */
const LOCK_PARENT = `SELECT 1 FROM tasks WHERE id = $1 FOR KEY SHARE`;

/** Selects the task and its ancestors. Tasks never change, so the chain has no cycle. */
const CHAIN = `
  WITH RECURSIVE chain AS (
    SELECT parent_task_id, to_role, 1 AS depth FROM tasks WHERE id = $1
    UNION ALL
    SELECT t.parent_task_id, t.to_role, depth + 1
      FROM tasks t JOIN chain ON t.id = chain.parent_task_id WHERE depth < $2
  )
  SELECT to_role FROM chain`;

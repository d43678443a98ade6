import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { sql } from '../database/sql.js';
import { DomainError } from '../errors/domain-error.js';
import { getReadableTask } from '../lifecycle/task-summary.js';

/** How long a chain of delegation may be, and how often one role may be asked along it. */
const MAX_DEPTH = 8;
const MAX_SAME_ROLE = 5;

/**
 * Checks that a task for `target` may be made part of a task: the agent can read that one, it is not cancelled, and the
 * chain of delegation neither grows too long nor goes round in circles.
 *
 * @throws DomainError `task.not_found`, `task.cancelled` or `task.delegation_loop`
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
      'The parent task was cancelled; no task can be routed as part of it.',
    );
  }
  const chain = await sql<{ to_role: string }>(manager, CHAIN, [parentId, MAX_DEPTH]);
  if (chain.length + 1 > MAX_DEPTH) {
    throw new DomainError(
      'task.delegation_loop',
      `A chain of tasks must not be longer than ${MAX_DEPTH}.`,
    );
  }
  const asked = chain.filter(({ to_role }) => to_role === target).length + 1;
  if (asked > MAX_SAME_ROLE) {
    const detail = `A role must not be asked more than ${MAX_SAME_ROLE} times along a chain of tasks.`;
    throw new DomainError('task.delegation_loop', detail);
  }
}

/** A cascade that cancels the parent locks it first, so it is either finished before the status is read, or finds the new task. */
const LOCK_PARENT = `SELECT 1 FROM tasks WHERE id = $1 FOR KEY SHARE`;

/** The task and those that it is part of; tasks never change, so the chain has no circle. */
const CHAIN = `
  WITH RECURSIVE chain AS (
    SELECT parent_task_id, to_role, 1 AS depth FROM tasks WHERE id = $1
    UNION ALL
    SELECT t.parent_task_id, t.to_role, depth + 1
      FROM tasks t JOIN chain ON t.id = chain.parent_task_id WHERE depth < $2
  )
  SELECT to_role FROM chain`;

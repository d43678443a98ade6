import type { EntityManager } from 'typeorm';
import type { Agent } from '../auth/agent.js';
import { authorize, permits, type Relation, staffRelations } from '../auth/policy.js';
import { sql } from '../database/sql.js';
import { DomainError } from '../errors/domain-error.js';
import type { TaskStatus } from './task-status.js';

/** What the features below tasks need to know of one. */
export interface TaskSummary {
  task_id: string;
  from_role: string;
  to_role: string;
  created_by: string;
  trace_id: string;
  status: TaskStatus;
  /** Its highest attempt, and who holds that. */
  session_id: string;
  claimed_by: string | null;
  /** All roles that take part in it. */
  participants: string[];
}

/** A task that is missing and one that is somebody else's are the same answer. */
export function taskNotFound(): DomainError {
  return new DomainError('task.not_found', 'There is no such task.');
}

export function taskFinished(status: TaskStatus): DomainError {
  return new DomainError('task.finished', `The task has ended: it is ${status}.`);
}

export function deadlinePast(): DomainError {
  return new DomainError('task.finished', 'The deadline of the task is past.');
}

/** The row of a task that something refers to. */
export function expectTask<Row>([row]: readonly Row[]): Row {
  if (!row) throw new Error('tasks are never deleted');
  return row;
}

/** Finds what is to know of a task; null when there is none. */
export async function findTaskSummary(
  manager: EntityManager,
  taskId: string,
): Promise<TaskSummary | null> {
  const [facts] = await sql<TaskSummary>(
    manager,
    `SELECT task_id, from_role, to_role, created_by, trace_id, status, session_id, claimed_by,
            ARRAY(SELECT p.role FROM task_participants p WHERE p.task_id = t.task_id) AS participants
       FROM task_states t WHERE task_id = $1`,
    [taskId],
  );
  return facts ?? null;
}

/** What is to know of a task that the agent may read; null for any other. */
export async function findReadableTask(
  manager: EntityManager,
  agent: Agent,
  taskId: string,
): Promise<TaskSummary | null> {
  const facts = await findTaskSummary(manager, taskId);
  return facts && permits('tasks.read', taskRelations(agent, facts)) ? facts : null;
}

/** The same, but any other task is `task.not_found`. */
export async function getReadableTask(
  manager: EntityManager,
  agent: Agent,
  taskId: string,
): Promise<TaskSummary> {
  const facts = await findTaskSummary(manager, taskId);
  if (!facts) throw taskNotFound();
  authorize('tasks.read', taskRelations(agent, facts), taskNotFound);
  return facts;
}

/** How the agent stands to a task. */
export function taskRelations(
  agent: Agent,
  { participants }: Pick<TaskSummary, 'participants'>,
): Relation[] {
  const takesPart = participants.some((role) => agent.roles.includes(role));
  return [...staffRelations(agent), ...(takesPart ? (['participant'] as const) : [])];
}

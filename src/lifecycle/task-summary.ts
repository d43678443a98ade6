import type { Agent } from '../auth/agent.js';
import { type Relation, staffRelations } from '../auth/policy.js';
import { DomainError } from '../errors/domain-error.js';
import type { TaskStatus } from './task-status.js';

/** The current state of a task, for features other than tasks. */
export interface TaskSummary {
  task_id: string;
  from_role: string;
  to_role: string;
  created_by: string;
  trace_id: string;
  status: TaskStatus;
  /** Its latest attempt, and the subject that has claimed it. */
  session_id: string;
  claimed_by: string | null;
  /** The roles that are participants. */
  participants: string[];
}

/** The same error for a missing and a hidden task. */
export function taskNotFound(): DomainError {
  return new DomainError(
    'task.not_found',
    'The task does not exist, or none of your roles is a participant in it. Check the id and your roles (GET /me).',
  );
}

export function taskFinished(status: TaskStatus): DomainError {
  return new DomainError('task.finished', `The task is ${status}. ${nextStep(status)}`);
}

function nextStep(status: TaskStatus): string {
  if (status === 'completed') return 'Route a new task.';
  const limit = status === 'expired' ? ' before its deadline' : '';
  return `The requester role can retry it (POST /tasks/{id}/retry)${limit}, or route a new task.`;
}

export function deadlinePast(): DomainError {
  return new DomainError(
    'task.finished',
    'The deadline of the task (deadline_at) has passed. Route a new task.',
  );
}

/** Returns the row of a task to which a foreign key refers. */
export function expectTask<Row>([row]: readonly Row[]): Row {
  if (!row) throw new Error('The task is missing, although tasks are never deleted');
  return row;
}

/** Returns the relations of an agent to a task. */
export function taskRelations(
  agent: Agent,
  { participants }: Pick<TaskSummary, 'participants'>,
): Relation[] {
  const takesPart = participants.some((role) => agent.roles.includes(role));
  return [...staffRelations(agent), ...(takesPart ? (['participant'] as const) : [])];
}

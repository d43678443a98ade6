import { beginning } from './excerpt.js';
import { type Members, pick, prefixed, recordOf, textOf } from './tool.js';

/** The members of a task in the answer of a tool. */
export const TASK_MEMBERS =
  'task_id, task_type, description, data, context, from_role, to_role, priority, deadline_at, requires_approval, attempt, created_at.';

export function taskOf(task: unknown): Members {
  const { id, ...task_ } = recordOf(task);
  return {
    task_id: prefixed('task', id),
    ...pick(task_, 'task_type', 'description', 'data', 'context', 'from_role', 'to_role'),
    ...pick(task_, 'priority', 'deadline_at', 'requires_approval', 'attempt', 'created_at'),
  };
}

/** The members of a task that may be large. */
export const TASK_DETAIL = ['description', 'data', 'context'];

/** A task in one line. */
export function taskLine({ task_id, task_type, from_role, description }: Members): string {
  return `- ${textOf(task_id)} ${textOf(task_type)} from ${textOf(from_role)}: ${beginning(textOf(description), 2_000)}`;
}

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

/** An approval of a claimed task, in the answer of a tool. */
export function taskApprovalOf({ approval_id, id, attempt, ...approval }: Members): Members {
  return {
    approval_id: prefixed('approval', approval_id ?? id),
    ...pick(approval, 'approver_role', 'stage', 'stages', 'status', 'digest', 'repeat'),
    ...pick(approval, 'expires_at', 'consume_until', 'consumed_at', 'consumed_by'),
    attempt: attempt ?? approval.consumed_attempt ?? null,
  };
}

/** An approval in one line; a later attempt is told of the consumption. */
export function taskApprovalLine({ approval_id, approver_role, status, ...used }: Members): string {
  const by = textOf(used.consumed_by);
  const consumed = by
    ? `, consumed in attempt ${textOf(used.attempt)} by ${by} at ${textOf(used.consumed_at)}: check what was done before you act`
    : '';
  return `- ${textOf(approval_id)} of ${textOf(approver_role)} is ${textOf(status)}${consumed}`;
}

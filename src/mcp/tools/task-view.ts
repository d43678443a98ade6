import { truncate } from './excerpt.js';
import { type Members, pick, prefixedOrNull, recordOf, memberText } from './tool.js';

/** The members of a task in a tool result. */
export const TASK_MEMBERS =
  'task_id, task_type, description, data, context, from_role, to_role, priority, deadline_at, requires_approval, attempt, created_at.';

export function taskOf(task: unknown): Members {
  const { id, ...task_ } = recordOf(task);
  return {
    task_id: prefixedOrNull('task', id),
    ...pick(task_, 'task_type', 'description', 'data', 'context', 'from_role', 'to_role'),
    ...pick(task_, 'priority', 'deadline_at', 'requires_approval', 'attempt', 'created_at'),
  };
}

/** The members of a task that can be large. */
export const TASK_DETAIL = ['description', 'data', 'context'];

/** Returns a task as one line of text. */
export function taskLine({ task_id, task_type, from_role, description }: Members): string {
  return `- ${memberText(task_id)} ${memberText(task_type)} from ${memberText(from_role)}: ${truncate(memberText(description), 2_000)}`;
}

/** Maps an approval of a claimed task to its tool result. */
export function taskApprovalOf({ approval_id, id, attempt, ...approval }: Members): Members {
  return {
    approval_id: prefixedOrNull('approval', approval_id ?? id),
    ...pick(approval, 'approver_role', 'stage', 'stages', 'status', 'digest', 'repeat'),
    ...pick(approval, 'expires_at', 'consume_until', 'consumed_at', 'consumed_by'),
    attempt: attempt ?? approval.consumed_attempt ?? null,
  };
}

/** Returns an approval as one line of text, with its consumption by an earlier attempt. */
export function taskApprovalLine({ approval_id, approver_role, status, ...used }: Members): string {
  const by = memberText(used.consumed_by);
  const consumed = by
    ? `, consumed in attempt ${memberText(used.attempt)} by ${by} at ${memberText(used.consumed_at)}: check what that attempt did before you act`
    : '';
  return `- ${memberText(approval_id)} of ${memberText(approver_role)} is ${memberText(status)}${consumed}`;
}

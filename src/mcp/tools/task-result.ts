import type { ClaimApprovalDto } from '../../approvals/dto/approval-context.dto.js';
import type { SessionDto } from '../../sessions/dto/session.dto.js';
import type { TaskDto } from '../../tasks/dto/task.dto.js';
import { type Members, prefixedOrNull, memberText } from './tool.js';
import { recordOf, pick, type JsonOf, type NameOf } from './json-of.js';
import { truncate } from './excerpt.js';

/** The members of a task in a tool result. */
export const TASK_MEMBERS =
  'task_id, task_type, description, data, context, from_role, to_role, priority, deadline_at, requires_approval, attempt, created_at.';

export function taskOf(task: unknown): Members {
  const json = recordOf<TaskDto>(task);
  return {
    task_id: prefixedOrNull('task', json.id),
    ...pick(json, 'task_type', 'description', 'data', 'context', 'from_role', 'to_role'),
    ...pick(json, 'priority', 'deadline_at', 'requires_approval', 'attempt', 'created_at'),
  };
}

/** The members of a task that can be large. */
export const TASK_DETAIL: NameOf<TaskDto>[] = ['description', 'data', 'context'];

/** Returns a task as one line of text. */
export function taskLine({ task_id, task_type, from_role, description }: Members): string {
  return `- ${memberText(task_id)} ${memberText(task_type)} from ${memberText(from_role)}: ${truncate(memberText(description), 2_000)}`;
}

/** The members of the caller's attempt in a tool result. An ended session has no lease. */
export function attemptOf(session: unknown): Members {
  const { lease_expires_at, ...attempt } = pick(
    recordOf<SessionDto>(session),
    'lease_expires_at',
    'run_until',
    'status',
  );
  const isOpen = attempt.status === 'active' || attempt.status === 'pending';
  return { lease_expires_at: isOpen ? lease_expires_at : null, ...attempt };
}

/** Maps an approval of a claimed task to its tool result. */
export function taskApprovalOf(approval: JsonOf<ClaimApprovalDto>): Members {
  return {
    approval_id: prefixedOrNull('approval', approval.approval_id),
    ...pick(approval, 'approver_role', 'stage', 'stages', 'status', 'digest', 'repeat'),
    ...pick(approval, 'expires_at', 'consume_until', 'consumed_at', 'consumed_by'),
    attempt: approval.attempt ?? null,
  };
}

/** The attempt that a claim returned. */
interface ClaimedAttempt {
  attempt: unknown;
  claimed_by: unknown;
}

/** Returns an approval as one line of text, with its consumption. */
export function taskApprovalLine(approval: Members, claimed: ClaimedAttempt): string {
  const { approval_id, approver_role, status } = approval;
  return `- ${memberText(approval_id)} of ${memberText(approver_role)} is ${memberText(status)}${consumption(approval, claimed)}`;
}

/** An approval can be consumed before any agent claims the attempt: its `attempt` is then the claimed one. */
function consumption({ consumed_by, consumed_at, attempt }: Members, claimed: ClaimedAttempt) {
  const by = memberText(consumed_by);
  if (!by) return '';
  const at = memberText(consumed_at);
  if (attempt === claimed.attempt && consumed_by !== claimed.claimed_by) {
    return `, consumed by ${by} at ${at}, before any claim of this attempt: check what ${by} did before you act`;
  }
  return `, consumed in attempt ${memberText(attempt)} by ${by} at ${at}: check what that attempt did before you act`;
}

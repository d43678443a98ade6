import { limitReached } from './approval-errors.js';
import { MAX_APPROVALS, MAX_APPROVER_ROLES } from './approval-limits.js';
import type { TaskApprovalCounts } from './approvals.repository.js';

/**
 * Asserts that a task keeps its limits with `added` more approvals. Stages that are not open yet count, so that a
 * started chain can always continue. The caller holds the lock of the task.
 *
 * @throws DomainError `approval.limit_reached`
 */
export function assertRoom({ approvals, roles }: TaskApprovalCounts, added: number): void {
  if (approvals + added > MAX_APPROVALS) {
    throw limitReached(
      `A task can have at most ${MAX_APPROVALS} approvals, including stages that are not open yet. Request fewer stages, or route another task.`,
    );
  }
  if (roles > MAX_APPROVER_ROLES) {
    throw limitReached(
      `A task can have at most ${MAX_APPROVER_ROLES} approver roles. Choose a role that already approves for the task, or route another task.`,
    );
  }
}

import { DomainError } from '../errors/domain-error.js';
import type { TaskStatus } from '../lifecycle/task-status.js';
import type { Session } from '../sessions/session.entity.js';

/** Error for a claim of a task whose attempt another agent has claimed. */
export function taskClaimed({ claimed_by, lease_expires_at }: Session): DomainError {
  const until = lease_expires_at ? `until ${lease_expires_at.toISOString()}` : 'without a lease';
  return new DomainError(
    'task.claimed',
    `The task is claimed by ${claimed_by ?? 'another agent'} ${until}. Claim another task.`,
  );
}

/** Error for a retry of a task that has not ended. */
export function taskOpen(status: TaskStatus): DomainError {
  return new DomainError(
    'task.open',
    `The task is ${status}. Only a task that has ended can be retried. Wait for its end, or cancel it first.`,
  );
}

import { DomainError } from '../errors/domain-error.js';
import type { TaskStatus } from '../lifecycle/task-status.js';
import type { Session } from '../sessions/session.entity.js';

export function taskClaimed({ claimed_by, lease_expires_at }: Session): DomainError {
  const until = lease_expires_at ? `until ${lease_expires_at.toISOString()}` : 'without a lease';
  return new DomainError(
    'task.claimed',
    `The task is held by ${claimed_by ?? 'another agent'} ${until}.`,
  );
}

export function taskOpen(status: TaskStatus): DomainError {
  return new DomainError('task.open', `The task is ${status}: there is nothing to retry.`);
}

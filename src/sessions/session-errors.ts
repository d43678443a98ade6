import { DomainError } from '../errors/domain-error.js';
import { InvalidTransitionError } from '../lifecycle/lifecycle-errors.js';
import type { SessionStatus } from '../lifecycle/session-status.js';
import type { Session } from './session.entity.js';

/** A session that is missing and one that is somebody else's are the same answer. */
export function sessionNotFound(): DomainError {
  return new DomainError('session.not_found', 'There is no such session.');
}

export function sessionIdRequired(): DomainError {
  return new DomainError(
    'session.id_required',
    'This is a task’s id; write to the session that carries the task: GET /sessions/{task id} tells its id.',
  );
}

export function sessionClaimed(session: Session): DomainError {
  return new DomainError(
    'session.claimed',
    `The session is held by ${session.claimed_by ?? 'another agent'}.`,
  );
}

export function taskNotDue(notBefore: Date): DomainError {
  return new DomainError('task.not_due', `The task is not due before ${notBefore.toISOString()}.`);
}

export function runLimitReached({ run_until }: Session): DomainError {
  const until = run_until?.toISOString() ?? 'its limit';
  return new DomainError(
    'session.run_limit',
    `The attempt ran until ${until}, the max_run_seconds of its task; its lease cannot be extended. Complete or fail it now.`,
  );
}

/** What is told whoever says that work goes on which nobody has begun. */
export function sessionNotBegun(): DomainError {
  return new DomainError(
    'lifecycle.invalid_transition',
    'The session is pending: claim its task, or activate it, first.',
  );
}

/** What a write to a session that has ended is told. */
export function sessionEnded(session: Session, to?: SessionStatus): DomainError {
  return to
    ? new InvalidTransitionError(session.status, to)
    : new DomainError('session.ended', `The session is ${session.status}.`);
}

import { DomainError } from '../errors/domain-error.js';
import { InvalidTransitionError } from '../lifecycle/lifecycle-errors.js';
import type { SessionStatus } from '../lifecycle/session-status.js';
import type { Session } from './session.entity.js';

/** Error for a session that does not exist or is hidden from the caller. Both cases have the same text. */
export function sessionNotFound(): DomainError {
  return new DomainError(
    'session.not_found',
    'No session with this id exists, or the caller cannot read it.',
  );
}

/** Error for a write to a session whose id in the path is that of a task. */
export function sessionIdRequired(): DomainError {
  return new DomainError(
    'session.id_required',
    'The id in the path is the id of a task. Use the id of its session: GET /sessions/{task id} returns it as id.',
  );
}

/** Error for a change of a session that another agent has claimed. */
export function sessionClaimed(session: Session): DomainError {
  return new DomainError(
    'session.claimed',
    `The session is claimed by ${session.claimed_by ?? 'another agent'}. Only this agent or an admin can change it.`,
  );
}

/** Error for a claim or activation of an attempt before its `not_before`. */
export function taskNotDue(notBefore: Date): DomainError {
  return new DomainError(
    'task.not_due',
    `The task is not due before ${notBefore.toISOString()}. Claim it then.`,
  );
}

/** Error for a heartbeat after the `run_until` of an attempt. */
export function runLimitReached({ run_until }: Session): DomainError {
  const limit = run_until ? ` at ${run_until.toISOString()}` : '';
  return new DomainError(
    'session.run_limit',
    `The attempt reached the max_run_seconds of its task${limit}. Its lease cannot be extended. Complete or fail it now.`,
  );
}

/** Error for a heartbeat or release of a session that is still pending. */
export function sessionNotBegun(): DomainError {
  return new DomainError(
    'lifecycle.invalid_transition',
    'The session is pending. Claim its task or activate the session first.',
  );
}

/** Error for a change of a session that has ended. With `to`, the error names the refused transition. */
export function sessionEnded(session: Session, to?: SessionStatus): DomainError {
  return to
    ? new InvalidTransitionError(session.status, to)
    : new DomainError(
        'session.ended',
        `The session is ${session.status}, which is a final status. It cannot be changed.`,
      );
}

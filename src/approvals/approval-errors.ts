import { DomainError } from '../errors/domain-error.js';
import { prefixed } from '../http/ids.js';
import type { Approval } from './approval.entity.js';

/** An approval that is missing and one that is somebody else's are the same answer. */
export function approvalNotFound(): DomainError {
  return new DomainError('approval.not_found', 'There is no such approval.');
}

export function nonePending(): DomainError {
  return new DomainError(
    'approval.none_pending',
    'There is no pending approval of this task for you to decide.',
  );
}

export function alreadyPending([pending]: readonly Approval[]): DomainError {
  // The one in the way may have been settled in this very moment.
  const which = pending ? `${prefixed('approval', pending.id)} is pending.` : 'ask again.';
  return new DomainError('approval.pending_exists', `This role is asked already: ${which}`);
}

export function alreadySettled({ id, status }: Approval): DomainError {
  return new DomainError('approval.decided', `${prefixed('approval', id)} is ${status} already.`);
}

export function fourEyes(): DomainError {
  return new DomainError(
    'approval.four_eyes',
    'The one who asked or routed the task may not decide; another subject of the role has to.',
  );
}

import { DomainError } from '../errors/domain-error.js';
import type { SessionStatus } from './session-status.js';

/** The state machine has no such transition. Existing clients depend on the wording of the detail. */
export class InvalidTransitionError extends DomainError {
  constructor(from: SessionStatus, to: SessionStatus) {
    super('lifecycle.invalid_transition', `Invalid transition from ${from} to ${to}`);
  }
}
